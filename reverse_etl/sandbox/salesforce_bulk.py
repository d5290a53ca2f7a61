"""A stand-in for Salesforce's Bulk API 2.0: a job is made, given one CSV, closed, worked off."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any

from reverse_etl.sandbox.wire import Answer, Call, Document, now

RESULTS = ("successfulResults", "failedResults", "unprocessedrecords")
# Given object, operation, external id field and a row: its id, whether it is new, or an error.
Apply = Callable[[str, str, str, dict[str, Any]], tuple[str, bool, str]]
CLEARED = "#N/A"


class Jobs:
    """Ingest jobs by id."""

    def __init__(self, apply: Apply) -> None:
        self.held: dict[str, Document] = {}
        self._apply = apply

    def handle(self, call: Call, rest: str) -> Answer | None:
        """Answer a request below ``jobs/ingest``; ``rest`` is what follows it."""
        number, _, what = rest.strip("/").partition("/")
        if not number:
            return self._make(call.json()) if call.method == "POST" else None
        job = self.held.get(number)
        asked = (call.method, what)
        if job is None:
            return None
        if asked == ("PUT", "batches"):
            return self._upload(job, call.body)
        if asked == ("PATCH", ""):
            return self._close(job, call)
        return self._told(job, what) if call.method == "GET" else None

    def _told(self, job: Document, what: str) -> Answer | None:
        if what in RESULTS:
            return Answer(200, job["results"].get(what, ""), {}, "text/csv")
        return None if what else Answer(200, _shown(job))

    def _make(self, body: Any) -> Answer:
        asked = body if isinstance(body, dict) else {}
        known = {"contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}
        is_upsert = asked.get("operation") == "upsert"
        if not asked.get("object") or asked.get("operation") not in ("upsert", "delete"):
            return refused("INVALIDJOB", "A job needs an object and an operation.")
        if is_upsert != bool(asked.get("externalIdFieldName")):
            return refused("INVALIDJOB", "externalIdFieldName is for upserts, and needed there.")
        if {name: asked.get(name) for name in known} != known:
            return refused("INVALIDJOB", f"This stand-in takes {known}.")
        number = f"750{len(self.held) + 1:012}AAA"
        job = {**asked, "id": number, "state": "Open", "csv": "", "results": {}}
        self.held[number] = {**job, "createdDate": now()}
        return Answer(200, _shown(self.held[number]))

    def _upload(self, job: Document, body: bytes) -> Answer:
        if job["state"] != "Open" or job["csv"]:
            return refused("INVALIDJOBSTATE", "The job has its data already.")
        job["csv"] = body.decode()
        return Answer(201)

    def _close(self, job: Document, call: Call) -> Answer:
        asked = call.json()
        if job["state"] != "Open" or asked != {"state": "UploadComplete"}:
            return refused("INVALIDJOBSTATE", f"The job is {job['state']}.")
        job["state"] = "JobComplete"
        kept: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        field = job.get("externalIdFieldName") or "Id"
        for row in csv.DictReader(io.StringIO(job["csv"], newline="")):
            values = {name: None if value == CLEARED else value for name, value in row.items()}
            found = ("", False, "INVALID_FIELD:told to refuse it:--")
            if not call.picks(values):
                found = self._apply(job["object"], job["operation"], field, values)
            number, is_new, error = found
            if error:
                failed.append({"sf__Id": number, "sf__Error": error, **row})
            else:
                kept.append({"sf__Id": number, "sf__Created": str(is_new).lower(), **row})
        job["results"] = {"successfulResults": _as_csv(kept), "failedResults": _as_csv(failed)}
        job["counts"] = {"numberRecordsProcessed": len(kept) + len(failed)}
        job["counts"]["numberRecordsFailed"] = len(failed)
        return Answer(200, {**_shown(job), "state": "UploadComplete"})


def refused(code: str, message: str, status: int = 400) -> Answer:
    """Return an error as Salesforce writes it: a list of one."""
    return Answer(status, [{"errorCode": code, "message": message}])


def _shown(job: Document) -> Document:
    named = ("id", "object", "operation", "externalIdFieldName", "state", "createdDate")
    shown = {name: job[name] for name in named if name in job}
    path = f"services/data/v62.0/jobs/ingest/{job['id']}/batches"
    return {**shown, **job.get("counts", {}), "apiVersion": 62.0, "contentUrl": path}


def _as_csv(rows: Iterable[dict[str, Any]]) -> str:
    found = list(rows)
    text = io.StringIO()
    if found:
        writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return text.getvalue()
