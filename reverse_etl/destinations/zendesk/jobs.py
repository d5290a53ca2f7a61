"""Jobs that Zendesk works off later, and what their results say of each user."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal, worded
from reverse_etl.conversation.polling import follow
from reverse_etl.conversation.verdicts import entries, part, rejected, unread, waiting

OVER = ("completed", "failed", "killed")
WORDS = {
    "RecordInvalid": "A value does not fit its field",
    "RecordNotFound": "Zendesk knows no such user",
    "TooManyJobs": "Zendesk is busy with other imports",
}


def collect(
    records: Sequence[Record], response: Response
) -> Generator[Request, Response, list[Verdict]]:
    """Follow the job that an answer names, and read its result for each record."""
    job = part(response.json(), "job_status").get("id")
    if not response.ok or not job:
        return refusal(records, response, WORDS)
    found = yield from follow(
        f"/api/v2/job_statuses/{job}.json",
        lambda answer: part(answer, "job_status").get("status") in OVER,
    )
    if found is None:
        reason = "Zendesk was still at work after 10 minutes."
        return waiting(records, "still_processing", reason)
    status = part(found.json(), "job_status")
    if not found.ok or status.get("status") not in OVER:
        return unread(records, found)
    results = entries(status, "results")
    if len(results) != len(records) or len(results) != len(status["results"]):
        words = status.get("message") or "Zendesk's job does not say what became of each."
        return waiting(records, f"job_{status['status']}", words)
    placed = {each["index"]: each for each in results if isinstance(each.get("index"), int)}
    if set(placed) != set(range(len(results))):
        # They come in the order of the request; an index that says something else is believed less.
        if any(each.get("index", place) != place for place, each in enumerate(results)):
            words = "Zendesk's job does not say which result is whose."
            return waiting(records, "unplaced_results", words)
        placed = dict(enumerate(results))
    return [_read(record, placed[place]) for place, record in enumerate(records)]


def _read(record: Record, result: Mapping[str, Any]) -> Verdict:
    """Return the verdict that one result of a job gives; deletions of nobody are done."""
    code = str(result.get("error") or "")
    is_gone = record.operation == "remove" and code in ("UserNotFound", "RecordNotFound")
    if (code or result.get("status") == "Failed" or result.get("success") is False) and not is_gone:
        said = str(result.get("details") or code or "Zendesk did not say why.")
        return rejected(record, code or "Failed", worded(code, said, WORDS))
    number = result.get("id")
    if number is None and not is_gone and record.operation != "remove":
        return waiting([record], "no_id", "Zendesk's job does not say what became of it.")[0]
    known = record.channel_id if number is None else str(number)
    return Verdict(record.key, "acknowledged", channel_id=known)
