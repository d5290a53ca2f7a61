"""sObject Collections: up to 200 records a request, and an answer for each by its position."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import (
    entries,
    readable,
    refuse_or_wait,
    rejected,
    unread,
    waiting,
)

COLLECTION = 200
# Nothing that is wrong with the record: it is locked, or Salesforce is busy.
PASSING = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "QUERY_TIMEOUT"}


def upsert(
    version: str,
    kind: str,
    records: Sequence[Record],
    rows: Mapping[str, Mapping[str, Any]],
    field: str,
) -> Generator[Request, Response, list[Verdict]]:
    """Upsert records of a kind by their external id ``field``; ``rows`` are their fields by key."""
    verdicts: list[Verdict] = []
    path = f"{version}/composite/sobjects/{kind}/{field}"
    for start in range(0, len(records), COLLECTION):
        some = records[start : start + COLLECTION]
        typed = {"attributes": {"type": kind}}
        content = {
            "allOrNone": False,
            "records": [{**typed, **rows[record.key]} for record in some],
        }
        verdicts += read(some, (yield Request("PATCH", path, json=content)))
    return verdicts


def delete(version: str, records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Delete records by their Salesforce ids."""
    verdicts: list[Verdict] = []
    for start in range(0, len(records), COLLECTION):
        some = records[start : start + COLLECTION]
        params = {"ids": ",".join(str(record.channel_id) for record in some), "allOrNone": "false"}
        path = f"{version}/composite/sobjects"
        verdicts += read(some, (yield Request("DELETE", path, params=params)))
    return verdicts


def untold(records: Sequence[Record], response: Response) -> list[Verdict]:
    """Return the verdicts of an answer that speaks of no record.

    Raises:
        Refused: Salesforce found something wrong with the content.
    """
    if response.ok or not isinstance(response.json(), dict | list):
        return unread(records, response)
    return refuse_or_wait(records, response, *complaint_of(response))


def read(records: Sequence[Record], response: Response) -> list[Verdict]:
    """Return the verdicts of an answer that speaks of each record, by position."""
    answer = response.json()
    if not response.ok:
        return refuse_or_wait(records, response, *complaint_of(response))
    if not isinstance(answer, list) or len(answer) != len(records):
        return unread(records, response)
    return [_verdict(record, result) for record, result in zip(records, answer, strict=True)]


def _verdict(record: Record, result: Any) -> Verdict:
    if not isinstance(result, dict) or not isinstance(result.get("success"), bool):
        return waiting([record], "no_result", "Salesforce does not say what became of it.")[0]
    if result["success"]:
        number = result.get("id")
        return Verdict(
            record.key, "acknowledged", channel_id=number if isinstance(number, str) else None
        )
    error = next(iter(entries(result, "errors")), {})
    code = str(error.get("statusCode") or "unknown")
    named = error.get("fields")
    fields = ", ".join(map(str, named)) if isinstance(named, list) else ""
    reason = readable(f"{error.get('message') or code}{f' ({fields})' if fields else ''}")
    if code == "DUPLICATE_VALUE" and "campaign member" in reason.lower():
        return Verdict(record.key, "acknowledged")
    if code == "ENTITY_IS_DELETED" and record.operation == "remove":
        return Verdict(record.key, "acknowledged")
    if code in PASSING:
        return waiting([record], code, reason)[0]
    return rejected(record, code, reason)
