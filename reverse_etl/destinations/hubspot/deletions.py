"""Contacts deleted for good, as the GDPR asks for: one request each, and no way back."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.verdicts import email_of, one_by_one, without_repeats
from reverse_etl.destinations.hubspot.answers import refusal


def erase(records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Delete contacts by their addresses; HubSpot blocks an address that it does not know."""
    known, unknown = without_repeats(records, lambda record: email_of(record.fields))
    return unknown + (yield from one_by_one(known, _erase))


def _erase(record: Record) -> Generator[Request, Response, Verdict]:
    body = {"objectId": email_of(record.fields), "idProperty": "email"}
    response = yield Request("POST", "/crm/v3/objects/contacts/gdpr-delete", json=body)
    if response.is_done:
        return Verdict(record.key, "acknowledged")
    return refusal([record], response)[0]
