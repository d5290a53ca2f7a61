"""What Customer.io is told in a batch: people, events, and who they are about."""

from __future__ import annotations

import hashlib
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.conversation.instants import unix
from reverse_etl.conversation.verdicts import (
    document_of,
    text_of,
)

IDENTIFIERS = ("id", "email")
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(key: str, milliseconds: int) -> str:
    """Return the id by which Customer.io knows an event again, the same for the same event.

    A ULID is 48 bits of time and 80 others in Crockford's base 32; here the others come from a
    hash of the record's key.
    """
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest()[:10], "big")
    number = (milliseconds % 2**48) << 80 | digest
    return "".join(BASE32[number >> shift & 31] for shift in range(125, -1, -5))


def identity(record: Record) -> str:
    """Return what Customer.io knows the person by: what was sent last, where that was sent."""
    (value,) = _identifiers(record).values() or ("",)
    return value


def _identifiers(record: Record) -> dict[str, str]:
    for fields in (record.sent_match, record.fields):
        for name in IDENTIFIERS:
            value = text_of(fields, name)
            if value:
                return {name: value.lower() if name == "email" else value}
    return {}


def id_of(record: Record) -> str:
    """Return a person's id, which members of segments need."""
    return text_of(record.fields, "id") or text_of(record.sent_match, "id")


def person(record: Record) -> list[dict[str, Any]]:
    """Return the entries of a person; a new id takes over what the old one had."""
    known = _identifiers(record)
    if record.operation == "remove":
        return [{"type": "person", "identifiers": known, "action": "delete"}]
    own = text_of(record.fields, "id")
    identifiers = {"id": own} if own else known
    attributes = {
        name: value
        for name, value in record.fields.items()
        if name != "id" and (value is not None or record.operation == "change")
    }
    said: list[dict[str, Any]] = [
        {
            "type": "person",
            "identifiers": identifiers,
            "action": "identify",
            "attributes": attributes,
        }
    ]
    if "id" in known and own not in ("", known["id"]):
        ids = {"primary": {"id": own}, "secondary": known}
        said.append({"type": "person", "action": "merge", **ids})
    return said


def event(record: Record, sync: str) -> list[dict[str, Any]] | str:
    """Return the entry of an event, or why there can be none."""
    known = _identifiers(record)
    if not known:
        return "missing_identifier"
    try:
        properties = document_of(record.fields.get("properties")) or {}
    except ValueError:
        return "bad_properties"
    at = unix(record.occurred_at)
    entry: dict[str, Any] = {
        "type": "person",
        "identifiers": known,
        "action": "event",
        "id": ulid(f"{sync} {record.key}", (at or 0) * 1_000),
        "name": record.fields.get("name"),
        "attributes": properties,
    }
    return [entry if at is None else {**entry, "timestamp": at}]
