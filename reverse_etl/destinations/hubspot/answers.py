"""What HubSpot's answers say: refusals, and errors that name the records they are about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Response, Verdict
from reverse_etl.conversation.complaints import worded
from reverse_etl.conversation.verdicts import part, refuse_or_wait, rejected, unread

WORDS = {
    "CONFLICT": "Another record has this value, which must be unique",
    "OBJECT_NOT_FOUND": "HubSpot knows no such record",
    "VALIDATION_ERROR": "A value does not fit its property",
    "MISSING_SCOPES": "The private app lacks a scope",
}


def refusal(records: Sequence[Record], response: Response) -> list[Verdict]:
    """Return the verdicts after an answer that is no success.

    Raises:
        Refused: HubSpot found something wrong with the content.
    """
    answer = response.json()
    if response.ok or not isinstance(answer, dict):
        return unread(records, response)
    category = str(answer.get("category") or f"http_{response.status}")
    reason = _reason(answer) or f"HubSpot answered {response.status}."
    return refuse_or_wait(records, response, category, worded(category, reason, WORDS))


def rejection(record: Record, error: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a record that one of an answer's errors is about."""
    category = str(error.get("category", "error"))
    reason = _reason(error) or "HubSpot did not say why."
    return rejected(record, category, worded(category, reason, WORDS))


def id_of(result: Mapping[str, Any]) -> str:
    """Return the id that an answer gives a record, ``""`` where it gives none."""
    found = result.get("id")
    return str(found) if isinstance(found, str | int) and found else ""


def named(
    records: Sequence[Record], error: Mapping[str, Any], address: Callable[[Record], str]
) -> list[Record]:
    """Return the records that an error speaks of: by trace id, else by the address it names."""
    traces = _traces(error)
    if traces:
        return [record for record in records if record.key in traces]
    context = part(error, "context")
    names = {name.lower() for name in _texts(context.get("ids")) + _texts(context.get("id"))}
    return [record for record in records if address(record).lower() in names]


def _reason(error: Mapping[str, Any]) -> str:
    """Return the error's words; HubSpot often hides the useful ones in JSON inside its message."""
    message = str(error.get("message", ""))
    start = message.find("[{")
    if start >= 0:
        try:
            details = json.loads(message[start:])
        except ValueError:
            return message
        return " ".join(str(detail.get("message", detail)) for detail in details)
    return message


def _traces(error: Mapping[str, Any]) -> list[str]:
    """Return the trace ids that an error names."""
    return _texts(error.get("objectWriteTraceId")) or _texts(
        part(error, "context").get("objectWriteTraceId")
    )


def _texts(value: Any) -> list[str]:
    """Return one or many texts as a list; HubSpot writes either."""
    many = value if isinstance(value, list) else [value]
    return [str(each) for each in many if each and isinstance(each, str | int)]
