"""Profiles deleted for good: one request each, worked off by Klaviyo later."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.verdicts import email_of, one_by_one, without_repeats
from reverse_etl.destinations.klaviyo.answers import WORDS


def erase(records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Ask for the deletion of profiles, by their addresses."""
    known, unknown = without_repeats(records, lambda record: email_of(record.fields))
    return unknown + (yield from one_by_one(known, _erase))


def _erase(record: Record) -> Generator[Request, Response, Verdict]:
    profile = {"type": "profile", "attributes": {"email": email_of(record.fields)}}
    job = {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
    response = yield Request("POST", "/api/data-privacy-deletion-jobs", json={"data": job})
    if response.is_done:
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]
