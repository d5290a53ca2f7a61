"""SendGrid's contacts: by which address they are known, and what is said of them."""

from __future__ import annotations

from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.conversation.verdicts import document_of, email_of

CONTACTS = "/v3/marketing/contacts"
LISTS = "/v3/marketing/lists"
FIELDS = (
    *("email", "first_name", "last_name", "phone_number", "external_id", "unique_name"),
    *("address_line_1", "address_line_2", "city", "state_province_region", "postal_code"),
    *("country", "whatsapp", "line", "facebook", "custom_fields"),
)
WORDS = {
    # It has no codes: only a field, and a sentence.
    "http_400": "SendGrid does not take a value",
    "http_404": "SendGrid has no such list or contact",
    "http_413": "The request is too large",
}


def own(record: Record) -> str:
    """Return the address that SendGrid is to know the contact by."""
    return email_of(record.fields)


def sent(record: Record) -> str:
    """Return the address that SendGrid has; for a removal, any that is known."""
    known = email_of(record.sent_match)
    return known or (own(record) if record.operation == "remove" else "")


def contact_of(record: Record) -> dict[str, Any]:
    """Return a contact; an empty text clears on a change, and is left out on an add.

    Raises:
        ValueError: ``custom_fields`` is no JSON object.
    """
    contact: dict[str, Any] = {}
    for name, value in record.fields.items():
        if name == "custom_fields":
            custom = document_of(value)
            if custom:
                contact[name] = custom
        elif name in FIELDS and (value is not None or record.operation == "change"):
            contact[name] = "" if value is None else str(value)
    return contact
