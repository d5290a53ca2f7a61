"""Intercom's contacts: found by their external id, written, tagged and deleted."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request
from reverse_etl.conversation.instants import unix
from reverse_etl.conversation.record_by_record import Phrases, Step, done, expect, is_absent
from reverse_etl.conversation.verdicts import text_of

ID = "external_id"
FIELDS = (
    *(ID, "email", "phone", "name", "avatar", "owner_id"),
    *("signed_up_at", "last_seen_at"),
)
CONSENT = ("unsubscribed_from_emails",)
WORDS = {
    "conflict": "Another contact has this address or external id",
    "parameter_invalid": "Intercom cannot read a value",
    "parameter_not_found": "A value is missing",
    "not_found": "Intercom knows no such contact",
    "User Not Found": "Intercom knows no such contact",
}


def identity(record: Record) -> str:
    """Return what Intercom knows the contact by."""
    return text_of(record.fields, ID)


def _sent(record: Record) -> str:
    return text_of(record.sent_match, ID) or identity(record)


def _contact(record: Record) -> dict[str, Any]:
    """Return a contact; what is empty clears on a change, and is left out on an add."""
    contact = {
        name: value
        for name, value in record.fields.items()
        if name in FIELDS and (value is not None or record.operation == "change")
    }
    for name in ("signed_up_at", "last_seen_at"):
        if contact.get(name):
            contact[name] = unix(str(contact[name]))
    custom = {
        name: value
        for name, value in record.fields.items()
        if name not in FIELDS and (value is not None or record.operation == "change")
    }
    return contact | ({"custom_attributes": custom} if custom else {})


def _find(record: Record) -> Step[str]:
    """Look a contact up; of one that was merged away, find the one that it became."""
    path = f"/contacts/find_by_external_id/{quote(_sent(record), safe='')}"
    response = yield Request("GET", path)
    if response.status == 410:
        merged = re.search(r"/contacts/([\w-]+)>", response.headers.get("link", ""))
        return merged[1] if merged else ""
    if is_absent(response):
        return ""
    return expect(response, lambda answer: answer["id"], WORDS)


def _write(record: Record) -> Step[str]:
    contact = _contact(record)
    found = record.channel_id or (yield from _find(record))
    if found:
        response = yield Request("PUT", f"/contacts/{found}", json=contact)
        if not is_absent(response):
            return expect(response, lambda answer: answer["id"], WORDS)
    response = yield Request("POST", "/contacts", json={"role": "user", **contact})
    if response.status == 409:
        # An earlier answer got lost after Intercom had made the contact.
        found = yield from _find(record)
        if found:
            response = yield Request("PUT", f"/contacts/{found}", json=contact)
    return expect(response, lambda answer: answer["id"], WORDS)


def _delete(contact: str) -> Step[None]:
    response = yield Request("DELETE", f"/contacts/{contact}")
    if not is_absent(response):
        expect(response, lambda answer: answer["id"], WORDS)


def _join(contact: str, tag: str) -> Step[None]:
    response = yield Request("POST", f"/contacts/{contact}/tags", json={"id": tag})
    expect(response, lambda answer: answer["id"], WORDS)


def _leave(contact: str, tag: str) -> Step[None]:
    response = yield Request("DELETE", f"/contacts/{contact}/tags/{tag}")
    if not is_absent(response):
        done(response, WORDS)


PHRASES = Phrases(
    identity=identity,
    sent_identity=_sent,
    what=ID,
    find=_find,
    write=_write,
    delete=_delete,
    join=_join,
    leave=_leave,
    consent=CONSENT,
)
