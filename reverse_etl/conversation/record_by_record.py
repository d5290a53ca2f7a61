"""Channels without bulk requests: a record is found, written, put on a list or deleted by itself.

Such a channel says how each of these is asked for (``Phrases``); what happens to whom, and what
becomes of it, is the same for all of them. A record's id at the channel is kept once it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from reverse_etl.channel.batch import Batch, Option, Options, Record
from reverse_etl.channel.exchange import (
    ABSENT,
    EXISTS,
    Conversation,
    Refused,
    Request,
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.verdicts import (
    one_by_one,
    skipped,
    waiting,
    without_consent_fields,
    without_repeats,
)

OPTIONS: tuple[Option, ...] = ("update_only", "create_only")  # what every such channel can heed
Found = TypeVar("Found")
Step = Generator[Request, Response, Found]


class Unclear(Exception):  # noqa: N818 - a state, which becomes a verdict
    """The answer is about something else than this record, or no answer at all: it waits."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Phrases:
    """How a channel is asked. Ids are its own; ``find`` returns ``""`` where there is nobody.

    ``identity`` is what it knows a record by, called ``what``; ``sent_identity`` the same as it was
    sent last. ``consent`` names the fields that no sync may write.
    """

    identity: Callable[[Record], str]
    sent_identity: Callable[[Record], str]
    what: str
    find: Callable[[Record], Step[str]]
    write: Callable[[Record], Step[str]]
    delete: Callable[[str], Step[None]]
    join: Callable[[str, str], Step[None]]
    leave: Callable[[str, str], Step[None]]
    consent: tuple[str, ...] = ()


def converse(batch: Batch, phrases: Phrases) -> Conversation:
    """Say what a batch wants, one record after the other."""
    leaving = batch.operation == "remove"
    records, verdicts = without_consent_fields(batch.records, phrases.consent)
    identity = phrases.sent_identity if leaving else phrases.identity
    # Who is known by the channel's own id needs no other.
    named = [record for record in records if leaving and record.channel_id]
    rest = [record for record in records if not (leaving and record.channel_id)]
    known, unknown = without_repeats(rest, identity, phrases.what)
    list_id = batch.audience.channel_id if batch.audience else ""

    def tell(record: Record) -> Step[Verdict]:
        try:
            if not leaving:
                return (yield from _keep(record, phrases, list_id, batch.options))
            found = yield from _remove(record, phrases, list_id)
        except Unclear as unclear:
            return waiting([record], unclear.code, unclear.reason)[0]
        return Verdict(record.key, "acknowledged", channel_id=found or None)

    return [*verdicts, *unknown, *(yield from one_by_one([*named, *known], tell))]


def _keep(record: Record, phrases: Phrases, list_id: str, options: Options) -> Step[Verdict]:
    """Write a record, unless the sync's options leave it alone for being there, or not being."""
    if options.update_only or options.create_only:
        present = record.channel_id or (yield from phrases.find(record))
        if present and options.create_only and record.operation == "add":
            return skipped(record, EXISTS)
        if not present and options.update_only:
            return skipped(record, ABSENT)
        record = replace(record, channel_id=present or None)
    found = yield from phrases.write(record)
    if list_id:
        yield from phrases.join(found, list_id)
    return Verdict(record.key, "acknowledged", channel_id=found or None)


def _remove(record: Record, phrases: Phrases, list_id: str) -> Step[str]:
    """Somebody whom the channel does not know is on none of its lists."""
    found = record.channel_id or (yield from phrases.find(record))
    if found and list_id:
        yield from phrases.leave(found, list_id)
    elif found:
        yield from phrases.delete(found)
    return found or ""


def expect(
    response: Response,
    read: Callable[[Any], Any],
    words: Mapping[str, str] | None = None,
) -> str:
    """Return what ``read`` finds in an answer that is a success.

    Raises:
        Refused: the channel found something wrong with the record.
        Unclear: the answer is about something else, or cannot be read.
    """
    answer = response.json()
    if response.ok:
        try:
            found = read(answer)
        except (KeyError, TypeError, IndexError, AttributeError):
            found = None
        if found not in (None, "") and isinstance(found, str | int):
            return str(found)
    (verdict, *_) = refusal([Record("", "add", {})], response, words)
    raise Unclear(verdict.code, verdict.reason)


def done(response: Response, words: Mapping[str, str] | None = None) -> None:
    """Be content with any success of the channel's own; raise as ``expect`` does."""
    if not response.is_done:
        expect(response, lambda answer: None, words)


def is_absent(response: Response) -> bool:
    """Whether the channel itself says that there is nothing, rather than a server on the way."""
    code, _ = complaint_of(response)
    return response.status in (404, 410) and not code.startswith("http_")


def must(
    response: Response, read: Callable[[Any], Any], words: Mapping[str, str] | None = None
) -> str:
    """Return the same while a list is prepared, where everything else is a refusal.

    Raises:
        Refused: there is no such answer.
    """
    try:
        return expect(response, read, words)
    except Unclear as unclear:
        raise Refused(unclear.code, unclear.reason) from None
