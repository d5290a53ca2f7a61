"""Contacts imported by a job, whose outcome SendGrid counts and does not tell by contact."""

from __future__ import annotations

from collections.abc import Sequence

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Conversation, Refused, Request, Response
from reverse_etl.conversation.columns import unknown_fields
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.polling import follow
from reverse_etl.conversation.verdicts import acknowledged, part, unread, waiting
from reverse_etl.destinations.sendgrid.contacts import CONTACTS, FIELDS, WORDS, contact_of
from reverse_etl.destinations.sendgrid.fields import definitions


def import_contacts(list_id: str, records: Sequence[Record]) -> Conversation:
    """Import contacts by a job, and read what became of them.

    SendGrid counts the contacts that it could not take, and names them in a file elsewhere; the
    engine halves the batch until they stand alone.
    """
    if not records:
        return []
    names = {name for record in records for name in record.fields if name not in FIELDS}
    ids = (yield from definitions()) if names else {}
    if isinstance(ids, Response):
        return refusal(records, ids, WORDS)
    if lost := sorted(name for name in names if name.lower() not in ids):
        return unknown_fields(records, lost, "SendGrid")
    contacts = [contact_of(record, ids) for record in records]
    body = {"contacts": contacts} | ({"list_ids": [list_id]} if list_id else {})
    response = yield Request("PUT", CONTACTS, json=body, remembered=True)
    job = part({"answer": response.json()}, "answer").get("job_id")
    if not response.ok or not job:
        return refusal(records, response, WORDS)
    return (yield from _collect(str(job), records))


def _collect(job: str, records: Sequence[Record]) -> Conversation:
    over = ("completed", "errored", "failed")
    response = yield from follow(
        f"{CONTACTS}/imports/{job}", lambda answer: answer.get("status") in over
    )
    if response is None:
        reason = "SendGrid was still importing after 10 minutes."
        return waiting(records, "still_processing", reason)
    answer = response.json()
    status = answer.get("status") if response.ok and isinstance(answer, dict) else None
    if status not in over:
        return unread(records, response)
    failed = part(answer, "results").get("errored_count")
    if status == "completed" and not failed:
        return acknowledged(records)
    count = failed if isinstance(failed, int) and failed else len(records)
    raise Refused("import_errors", f"SendGrid could not import {count} of these contacts.")
