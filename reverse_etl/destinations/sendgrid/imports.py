"""Contacts imported by a job, whose outcome SendGrid counts and does not tell by contact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Conversation, Refused, Request, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.polling import follow
from reverse_etl.conversation.verdicts import acknowledged, part, rejected, unread, waiting
from reverse_etl.destinations.sendgrid.contacts import CONTACTS, WORDS, contact_of


def import_contacts(list_id: str, records: Sequence[Record]) -> Conversation:
    """Import contacts by a job, and read what became of them.

    SendGrid counts the contacts that it could not take, and names them in a file elsewhere; the
    engine halves the batch until they stand alone.
    """
    verdicts: list[Verdict] = []
    sent: list[Record] = []
    contacts: list[dict[str, Any]] = []
    for record in records:
        try:
            contacts.append(contact_of(record))
            sent.append(record)
        except ValueError as error:
            reason = f"Its column 'custom_fields' {error}."
            verdicts.append(rejected(record, "bad_custom_fields", reason, is_permanent=True))
    if not sent:
        return verdicts
    body = {"contacts": contacts} | ({"list_ids": [list_id]} if list_id else {})
    response = yield Request("PUT", CONTACTS, json=body, remembered=True)
    job = part({"answer": response.json()}, "answer").get("job_id")
    if not response.ok or not job:
        return verdicts + refusal(sent, response, WORDS)
    return [*verdicts, *(yield from _collect(str(job), sent))]


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
