"""Sessions that replace an audience: its people in order, and who was in it before is out.

Every request bears the session's number, its own place in it, and whether it is the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.exchange import Conversation, Refused, Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.members import Rows
from reverse_etl.conversation.verdicts import waiting
from reverse_etl.destinations.meta.answers import WORDS
from reverse_etl.destinations.meta.rows import (
    MEMBERS,
    UNREADABLE,
    Part,
    parameters,
    session_id,
    version,
)


def replace_members(batches: Iterable[Batch], total: int) -> Conversation:
    """Put a whole audience in the place of what Meta has of it.

    Returns the verdicts of those who did not get in. Somebody who was in it before, and whom Meta
    could not be sent or could not read now, is in doubt: the next sync tries them by themselves.

    Raises:
        Refused: Meta did not take a part of it, so that the session has no end.
    """
    outside: list[Verdict] = []
    for number, (batch, rows, is_last) in enumerate(_parts(batches, outside), start=1):
        assert batch.audience is not None
        if number == 1:
            session = session_id(batch.batch_id)
        place = Part(session, total, number, is_last)
        path = f"/{version(batch.settings)}/{batch.audience.channel_id}/usersreplace"
        form = parameters([identifiers for _, identifiers in rows.values()], place)
        response = yield Request("POST", path, form=form)
        if unreadable := _unreadable(response, len(rows)):
            records = [record for record, _ in rows.values()]
            reason = f"Meta could not read the identifiers of {unreadable} of {len(rows)} rows."
            outside += waiting(records, UNREADABLE, reason)
    return outside


def _parts(batches: Iterable[Batch], outside: list[Verdict]) -> Iterator[tuple[Batch, Rows, bool]]:
    """Yield the batches that anybody can be found in, and whether each is the last one."""
    before: tuple[Batch, Rows] | None = None
    for batch in batches:
        rows, unusable = MEMBERS.rows(batch)
        records = {record.key: record for record in batch.records}
        outside += [_outside(each, records[each.key]) for each in unusable]
        if not rows:
            continue
        if before:
            yield *before, False
        before = batch, rows
    if before:
        yield *before, True


def _outside(verdict: Verdict, record: Record) -> Verdict:
    """Who was sent before was in the audience, and is not any more: not merely refused."""
    if not record.sent_match:
        return verdict
    return Verdict(verdict.key, "retry", verdict.code, verdict.reason)


def _unreadable(response: Response, sent: int) -> int:
    """Return how many rows Meta could not read.

    Raises:
        Refused: it did not take the request, or not all of it.
    """
    answer = response.json()
    if not isinstance(answer, dict) or not response.ok or "error" in answer:
        raise Refused(*complaint_of(response, WORDS))
    received = answer.get("num_received")
    if not isinstance(received, int) or received < sent:
        raise Refused("not_received", f"Meta received only {received} of {sent} rows.")
    unreadable = answer.get("num_invalid_entries") or 0
    return unreadable if isinstance(unreadable, int) else sent
