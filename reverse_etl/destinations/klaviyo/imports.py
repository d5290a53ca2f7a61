"""Profiles by bulk import: one job, followed to its end, and the errors of single profiles."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Refused, Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal, worded
from reverse_etl.conversation.json_api import is_page, next_cursor
from reverse_etl.conversation.polling import follow
from reverse_etl.conversation.verdicts import (
    acknowledged,
    email_of,
    entries,
    part,
    rejected,
    waiting,
)
from reverse_etl.destinations.klaviyo.answers import WORDS
from reverse_etl.destinations.klaviyo.profiles import profile

JOBS = "/api/profile-bulk-import-jobs"
OVER = ("complete", "cancelled")


def import_profiles(
    list_id: str,
    records: Sequence[Record],
    kept: Mapping[str, Collection[str]],
    ids: Mapping[str, str],
) -> Generator[Request, Response, list[Verdict]]:
    """Import profiles by a job, into the list if there is one, and read what became of each."""
    verdicts: list[Verdict] = []
    profiles: list[dict[str, Any]] = []
    sent: list[Record] = []
    for record in records:
        try:
            known = {"id": ids[record.key]} if record.key in ids else {}
            profiles.append(profile(record, kept.get(record.key, ())) | known)
            sent.append(record)
        except ValueError as error:
            reason = f"Klaviyo cannot take this record: {error}."
            verdicts.append(rejected(record, "bad_properties", reason, is_permanent=True))
    if not sent:
        return verdicts
    job = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": profiles}}}
    if list_id:
        job["relationships"] = {"lists": {"data": [{"type": "list", "id": list_id}]}}
    response = yield Request("POST", JOBS, json={"data": job}, remembered=True)
    answer = response.json()
    number = part(answer, "data").get("id")
    if not response.ok or not number:
        return verdicts + refusal(sent, response, WORDS)
    return verdicts + (yield from _collect(str(number), sent))


def _collect(job: str, records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Follow a job to its end, then collect the errors of single profiles."""
    response = yield from follow(
        f"{JOBS}/{job}",
        lambda answer: part(part(answer, "data"), "attributes").get("status") in (*OVER, None),
    )
    if response is None:
        reason = "Klaviyo was still importing after 10 minutes."
        return waiting(records, "still_processing", reason)
    attributes = part(part(response.json(), "data"), "attributes")
    status = attributes.get("status")
    if not response.ok or not status:
        return waiting(records, f"http_{response.status}", "The import cannot be followed.")
    if status == "cancelled":
        return waiting(records, "cancelled", "Klaviyo cancelled the import.")
    failed = attributes.get("failed_count")
    if failed == 0:
        return list(acknowledged(records))
    if failed is not None and not isinstance(failed, int):
        return waiting(records, "no_counts", "Klaviyo does not say how many it left out.")
    return (yield from _errors(job, records, failed or 0))


def _errors(
    job: str, records: Sequence[Record], failed: int
) -> Generator[Request, Response, list[Verdict]]:
    by_email = {email_of(record.fields): record for record in records}
    refused: dict[str, Verdict] = {}
    params = {"page[size]": "100"}
    first = ("import_error", f"Klaviyo could not import {failed} profiles.")
    while True:
        response = yield Request("GET", f"{JOBS}/{job}/import-errors", params=params)
        answer = response.json()
        if not response.ok or not is_page(answer):
            return waiting(records, f"http_{response.status}", "The errors cannot be read.")
        for item in entries(answer, "data"):
            error = part(item, "attributes")
            payload = part(error, "original_payload")
            record = by_email.get(email_of(part(payload, "attributes") or payload))
            code = str(error.get("code"))
            first = (code, worded(code, str(error.get("detail")), WORDS))
            if record is not None:
                refused[record.key] = rejected(record, *first)
        params = {"page[size]": "100", "page[cursor]": next_cursor(answer)}
        if not params["page[cursor]"]:
            break
    if len(refused) < failed:
        # Some failed that nobody named: the engine halves the batch until they stand alone.
        raise Refused(*first)
    taken = [record for record in records if record.key not in refused]
    return [*acknowledged(taken), *refused.values()]
