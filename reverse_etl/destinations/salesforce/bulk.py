"""One job of Salesforce's Bulk API 2.0: created, uploaded once, polled, and read to the last row.

The job's id and its upload are remembered, so that a run that was killed goes on with the same job.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.polling import follow
from reverse_etl.conversation.verdicts import refuse_or_wait, unread, waiting
from reverse_etl.destinations.salesforce.answers import WORDS, refused

OVER = ("JobComplete", "Failed", "Aborted")
CLEARED = "#N/A"  # what an empty cell would leave as it is


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as a job reads them: null clears, several values are parted by semicolons."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return CLEARED
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(map(str, value)) if isinstance(value, list) else value


def run_job(
    batch: Batch,
    version: str,
    records: Mapping[str, Record],
    rows: Sequence[Mapping[str, Any]],
    field: str = "",
) -> Generator[Request, Response, list[Verdict]]:
    """Upsert by the external id ``field``, or delete by Id where there is none.

    ``records`` are keyed by the value that the results are told apart by.
    """
    everyone = list(records.values())
    job: dict[str, Any] = {
        "object": batch.object,
        "operation": "upsert" if field else "delete",
        "contentType": "CSV",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    if field:
        job["externalIdFieldName"] = field
    jobs = f"{version}/jobs/ingest"
    response = yield Request("POST", jobs, json=job, remembered=True)
    number = _object(response).get("id")
    if not response.ok:
        return refuse_or_wait(everyone, response, *complaint_of(response, WORDS))
    if not number:
        return unread(everyone, response)
    path = f"{jobs}/{number}"
    headers = {"Content-Type": "text/csv"}
    # Sent a second time after a lost answer it is refused, and the job has the first.
    yield Request("PUT", f"{path}/batches", body=as_csv(rows), headers=headers, remembered=True)
    yield Request("PATCH", path, json={"state": "UploadComplete"}, remembered=True)
    ended = yield from follow(path, lambda found: found.get("state") in OVER)
    if ended is None:
        return waiting(
            everyone, "still_processing", "Salesforce was still at it after ten minutes."
        )
    found = _object(ended)
    if not ended.ok or found.get("state") not in OVER:
        return waiting(everyone, f"http_{ended.status}", "The job cannot be followed.")
    if found["state"] == "JobComplete":
        return (yield from _collect(path, records, field or "sf__Id"))
    reason = found.get("errorMessage") or "Salesforce ended the job."
    return waiting(everyone, f"job_{found['state'].lower()}", reason)


def _object(response: Response) -> dict[str, Any]:
    answer = response.json()
    return answer if isinstance(answer, dict) else {}


def _collect(
    path: str, records: Mapping[str, Record], told_by: str
) -> Generator[Request, Response, list[Verdict]]:
    """Read what became of each record; one of which nothing is said waits."""
    verdicts: dict[str, Verdict] = {}
    for kind in ("successfulResults", "failedResults", "unprocessedrecords"):
        response = yield Request("GET", f"{path}/{kind}/")
        if not response.ok:
            continue
        text = response.body.decode(errors="replace")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            record = records.get(row.get(told_by) or row.get("Id") or "")
            if record is not None:
                verdicts[record.key] = _verdict(record, kind, row)
    reason = "The job is complete and does not say what became of it."
    silent = [record for record in records.values() if record.key not in verdicts]
    return [*verdicts.values(), *waiting(silent, "no_result", reason)]


def _verdict(record: Record, kind: str, row: Mapping[str, str | None]) -> Verdict:
    if kind == "successfulResults":
        return Verdict(record.key, "acknowledged", channel_id=row.get("sf__Id") or None)
    if kind == "unprocessedrecords":
        return waiting([record], "unprocessed", "Salesforce stopped the job before this record.")[0]
    # UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--
    code, _, words = (row.get("sf__Error") or "unknown").partition(":")
    return refused(record, code, words.removesuffix("--").strip(": ") or code)
