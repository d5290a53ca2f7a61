"""Klaviyo's events, told one by one: Klaviyo knows each again by its ``unique_id``."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Refused, Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.instants import iso
from reverse_etl.conversation.verdicts import (
    document_of,
    email_of,
    one_by_one,
    text_of,
    unidentified,
    without_email,
)
from reverse_etl.destinations.klaviyo.answers import WORDS

FIELDS = ("email", "name", "value", "value_currency", "properties")


def tell(sync: str, records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Tell events. Who tells one again, after an answer got lost, changes nothing."""

    def one(record: Record) -> Generator[Request, Response, Verdict]:
        if not email_of(record.fields):
            return without_email(record)
        if not text_of(record.fields, "name"):
            return unidentified(record, "name")
        response = yield Request("POST", "/api/events", json={"data": _event(sync, record)})
        if response.is_done:
            return Verdict(record.key, "acknowledged")
        return refusal([record], response, WORDS)[0]

    return (yield from one_by_one(records, one))


def _event(sync: str, record: Record) -> dict[str, Any]:
    try:
        properties = document_of(record.fields.get("properties")) or {}
    except ValueError as error:
        raise Refused("bad_properties", f"Its column 'properties' {error}.") from None
    metric = {"type": "metric", "attributes": {"name": record.fields["name"]}}
    profile = {"type": "profile", "attributes": {"email": email_of(record.fields)}}
    attributes = {
        "properties": properties,
        "time": iso(record.occurred_at),
        "value": record.fields.get("value"),
        "value_currency": record.fields.get("value_currency"),
        "unique_id": f"{sync}-{record.key}",
        "metric": {"data": metric},
        "profile": {"data": profile},
    }
    known = {name: value for name, value in attributes.items() if value is not None}
    return {"type": "event", "attributes": known}
