"""Requests that Google works off later: submitted once, followed, and read by position."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.exchange import (
    Refused,
    Request,
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, worded
from reverse_etl.conversation.members import Rows
from reverse_etl.conversation.verdicts import (
    acknowledged,
    entries,
    part,
    refuse_or_wait,
    rejected,
    unread,
    waiting,
)
from reverse_etl.destinations.google.members import body

# Google works small requests off in minutes, large ones in hours; a run does not wait for those.
POLLS = (2, 5, 10, 15, 30, 60, 60, 60, 60)


WORDS = {
    "DENIED_CONSENT": "The person denied consent to ads",
    "NO_CONSENT": "Google was told of no consent to ads",
    "UNKNOWN_CONSENT": "Google was told of no consent to ads",
    "INVALID_FORMAT": "An identifier is not in the form that Google reads",
    "INVALID_MOBILE_ID_FORMAT": "A device id is not in the form that Google reads",
    "DESTINATION_TOO_RECENTLY_CREATED": "The list is too new to be filled",
    "INTERNAL_ERROR": "Google has trouble of its own",
    "FAILED_PRECONDITION": "The account is not ready for Customer Match",
    "INVALID_ARGUMENT": "Google cannot take a value of the request",
    "NOT_FOUND": "Google has no such list or account",
    "PERMISSION_DENIED": "The credentials may not write this account's lists",
}


def submit(verb: str, batch: Batch, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
    """Submit members once, and follow the request to its end, or for as long as a run waits."""
    if not rows:
        return []
    records = [record for record, _ in rows.values()]
    path = f"/audienceMembers:{verb}"
    response = yield Request("POST", path, json=body(verb, batch, rows), remembered=True)
    answer = response.json()
    if not isinstance(answer, dict) or (response.ok and not answer.get("requestId")):
        return unread(records, response)
    if not response.ok:
        return refuse_or_wait(records, response, *complaint_of(response, WORDS))
    return (yield from _follow(str(answer["requestId"]), records))


def _follow(request: str, records: list[Record]) -> Generator[Request, Response, list[Verdict]]:
    params = {"requestId": request}
    for wait in POLLS:
        response = yield Request("GET", "/requestStatus:retrieve", params=params, wait_before=wait)
        found = next(iter(entries(response.json(), "requestStatusPerDestination")), {})
        status = found.get("requestStatus")
        if not response.ok or not status:
            return waiting(records, f"http_{response.status}", "The request cannot be followed.")
        if status == "SUCCESS":
            return list(acknowledged(records))
        if status in ("FAILED", "PARTIAL_SUCCESS"):
            return _failures(records, status, entries(part(found, "errorInfo"), "errorCounts"))
        if status != "PROCESSING":
            return waiting(records, "unknown_status", f"Google says that it is {status}.")
    reason = "Google took it, and was still working it off when the run ended."
    return [Verdict(record.key, "acknowledged", "still_processing", reason) for record in records]


def _failures(records: list[Record], status: str, counts: list[dict[str, Any]]) -> list[Verdict]:
    """Return verdicts by the positions that Google names.

    Raises:
        Refused: it failed some and does not name all of these, so that halving must find them.
    """
    blamed: dict[int, str] = {}
    named = True
    for count in counts:
        reason = str(count.get("reason") or "UNKNOWN").removeprefix("PROCESSING_ERROR_REASON_")
        indices = count.get("recordIndices")
        places = indices if isinstance(indices, list) else []
        named = named and str(count.get("recordCount", len(places))) == str(len(places))
        named = named and all(_is_place(index, len(records)) for index in places)
        blamed |= {int(index): reason for index in places if _is_place(index, len(records))}
    reasons = ", ".join(sorted({str(c.get("reason")) for c in counts})) or "no reason given"
    if status == "PARTIAL_SUCCESS" and not (blamed and named):
        raise Refused("partial_success", f"Google could not take some of these members: {reasons}")
    verdicts = []
    for index, record in enumerate(records):
        if index in blamed:
            said = blamed[index].replace("_", " ").lower()
            words = worded(blamed[index], said, WORDS)
            verdicts.append(rejected(record, blamed[index], words))
        elif status == "FAILED":
            verdicts += waiting([record], "failed", f"Google failed the whole request: {reasons}.")
        else:
            verdicts.append(Verdict(record.key, "acknowledged"))
    return verdicts


def _is_place(index: Any, count: int) -> bool:
    """Whether an index is one of so many records'; JSON of large numbers may be text."""
    return str(index).isdigit() and int(index) < count
