"""sObject Collections: up to 200 records a request, and an answer for each by its position."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import (
    entries,
    refuse_or_wait,
    unread,
    waiting,
)
from reverse_etl.destinations.salesforce.answers import WORDS, refused

COLLECTION = 200


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
    return refuse_or_wait(records, response, *complaint_of(response, WORDS))


def read(records: Sequence[Record], response: Response) -> list[Verdict]:
    """Return the verdicts of an answer that speaks of each record, by position."""
    answer = response.json()
    if not response.ok:
        return refuse_or_wait(records, response, *complaint_of(response, WORDS))
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
    message = str(error.get("message") or code)
    said = f"{fields}: {message}" if fields else message
    if code == "DUPLICATE_VALUE" and "campaign member" in said.lower():
        return Verdict(record.key, "acknowledged")
    return refused(record, code, said)
