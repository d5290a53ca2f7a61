"""Iterable's users: whom it knows by which address, what is said of them, moves and deletions."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from urllib.parse import quote

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import (
    Request,
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.verdicts import (
    email_of,
    text_of,
)
from reverse_etl.destinations.iterable.answers import WORDS

NAMES = {"email": "email", "user_id": "userId"}
WHAT = "e-mail address or user_id"


def own_address(record: Record) -> str:
    """Return what Iterable is to know the user by."""
    return email_of(record.fields) or text_of(record.fields, "user_id")


def sent_address(record: Record) -> str:
    """Return what Iterable knows the user by; for a removal, anything that is known."""
    known = email_of(record.sent_match) or text_of(record.sent_match, "user_id")
    return known or (own_address(record) if record.operation == "remove" else "")


def address_of(identity: str) -> dict[str, str]:
    """Return an address under the name that Iterable has for it."""
    return {"email" if "@" in identity else "userId": identity}


def user_of(record: Record) -> dict[str, Any]:
    """Return a user; an empty column clears on a change, and is left out on an add."""
    address = address_of(own_address(record))
    fields = {
        name: value
        for name, value in record.fields.items()
        if NAMES.get(name) not in address and (value is not None or record.operation == "change")
    }
    if "userId" not in address and "user_id" in fields:
        fields["userId"] = fields.pop("user_id")
    return address | ({"dataFields": fields} if fields else {})


def move(record: Record) -> Generator[Request, Response, Verdict]:
    """Give a user a new address; one whose new address has a user already stays as it is."""
    if "@" not in sent_address(record) or "@" not in own_address(record):
        return Verdict(record.key, "acknowledged")
    body = {"currentEmail": sent_address(record), "newEmail": own_address(record)}
    response = yield Request("POST", "/api/users/updateEmail", json=body)
    if response.ok and isinstance(response.json(), dict):
        return Verdict(record.key, "acknowledged")
    code, _ = complaint_of(response)
    if response.status == 400 and code in ("BadParams", "InvalidParameter", "UserExists"):
        # Moved before, by a request whose answer got lost; or two users, of whom the new counts.
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]


def delete(record: Record) -> Generator[Request, Response, Verdict]:
    """Delete a user; one that Iterable does not know is gone already."""
    identity = sent_address(record)
    place = "users" if "@" in identity else "users/byUserId"
    response = yield Request("DELETE", f"/api/{place}/{quote(identity, safe='')}")
    answer = response.json()
    is_read = isinstance(answer, dict) and "code" in answer
    if is_read and (response.ok or response.status == 404):
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]
