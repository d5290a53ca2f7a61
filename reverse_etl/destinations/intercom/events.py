"""Events of Intercom's contacts."""

from __future__ import annotations

from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Refused, Request, Verdict
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.instants import unix
from reverse_etl.conversation.record_by_record import Step, is_absent
from reverse_etl.conversation.verdicts import document_of, rejected, unidentified
from reverse_etl.destinations.intercom.contacts import ID, WORDS, identity

MOST_METADATA = 10


def tell(record: Record) -> Step[Verdict]:
    """Tell an event; Intercom knows it again by contact, name and second."""
    if not identity(record):
        return unidentified(record, ID)
    response = yield Request("POST", "/events", json=_told(record))
    if response.is_done:
        return Verdict(record.key, "acknowledged")
    if is_absent(response):
        return rejected(record, *complaint_of(response, WORDS))
    return refusal([record], response, WORDS)[0]


def _told(record: Record) -> dict[str, Any]:
    """Return an event as Intercom takes it.

    Raises:
        Refused: it is none.
    """
    at = unix(record.occurred_at)
    if at is None:
        raise Refused(
            "no_time", "It has no occurred_at, and Intercom takes no event without its time."
        )
    try:
        metadata = document_of(record.fields.get("properties")) or {}
    except ValueError as error:
        raise Refused("bad_properties", f"Its column 'properties' {error}.") from None
    if len(metadata) > MOST_METADATA:
        raise Refused(
            "too_many_properties", f"It has more than the {MOST_METADATA} that Intercom keeps."
        )
    told = {
        "event_name": record.fields.get("name"),
        "created_at": at,
        "user_id": identity(record),
        "metadata": {name: str(value) for name, value in metadata.items()},
    }
    return told if metadata else {name: told[name] for name in told if name != "metadata"}
