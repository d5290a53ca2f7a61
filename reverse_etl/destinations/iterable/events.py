"""Events of Iterable's users."""

from __future__ import annotations

from typing import Any

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.exchange import (
    Conversation,
    Request,
    Verdict,
)
from reverse_etl.conversation.instants import unix
from reverse_etl.conversation.verdicts import (
    document_of,
    rejected,
    without_repeats,
)
from reverse_etl.destinations.iterable.answers import read_verdicts
from reverse_etl.destinations.iterable.users import WHAT, address_of, own_address


def tell(batch: Batch) -> Conversation:
    """Tell events; one whose id Iterable has seen replaces it, so that they may be repeated."""
    verdicts: list[Verdict] = []
    told: list[Record] = []
    events: list[dict[str, Any]] = []
    known, nameless = without_repeats(batch.records, lambda r: own_address(r) and r.key, WHAT)
    for record in known:
        try:
            fields = document_of(record.fields.get("properties")) or {}
        except ValueError as error:
            reason = f"Its column 'properties' {error}."
            verdicts.append(rejected(record, "bad_properties", reason, is_permanent=True))
            continue
        event = {
            **address_of(own_address(record)),
            "eventName": record.fields.get("name"),
            "id": f"{batch.sync}-{record.key}",
            "createdAt": unix(record.occurred_at),
            "dataFields": fields,
        }
        told.append(record)
        events.append({name: value for name, value in event.items() if value is not None})
    if told:
        response = yield Request("POST", "/api/events/trackBulk", json={"events": events})
        verdicts += read_verdicts(told, response, own_address)
    return nameless + verdicts
