"""SendGrid's contacts: by which address they are known, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.conversation.columns import as_text
from reverse_etl.conversation.verdicts import email_of

CONTACTS = "/v3/marketing/contacts"
LISTS = "/v3/marketing/lists"
FIELDS = (
    *("email", "first_name", "last_name", "phone_number", "external_id", "unique_name"),
    *("address_line_1", "address_line_2", "city", "state_province_region", "postal_code"),
    *("country", "whatsapp", "line", "facebook"),
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


def contact_of(record: Record, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return a contact; what is empty clears on a change, and is left out on an add.

    Columns that are no reserved fields are custom fields, by their ``ids``.
    """
    contact: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, value in record.fields.items():
        if value is None and record.operation != "change":
            continue
        if name in FIELDS:
            contact[name] = "" if value is None else str(value)
        else:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            custom[ids[name.lower()]] = value if is_number or value is None else as_text(value)
    return contact | ({"custom_fields": custom} if custom else {})
