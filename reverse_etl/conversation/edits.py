"""Records as they are at the channel: which may be written, and what somebody edited there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from reverse_etl.channel.batch import Options, Record
from reverse_etl.channel.exchange import ABSENT, EXISTS, Verdict
from reverse_etl.conversation.verdicts import skipped

KEPT = "edits_kept"
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def is_same(ours: Any, theirs: Any, shown: Callable[[Any], Any] = lambda value: value) -> bool:
    """Return whether a channel's value is ours; ``shown`` turns ours into the channel's form.

    Nothing is the same in every form, and channels write numbers and instants in their own way.
    """
    if ours in _NOTHING or theirs in _NOTHING:
        return ours in _NOTHING and theirs in _NOTHING
    if theirs == shown(ours):
        return True
    try:
        if isinstance(ours, int | float) and not isinstance(ours, bool):
            return float(theirs) == float(ours)
        return datetime.fromisoformat(ours) == datetime.fromisoformat(theirs)
    except (TypeError, ValueError):
        return False


def edited_fields(
    record: Record,
    present: Mapping[str, Any],
    options: Options,
    shown: Callable[[Any], Any] = lambda value: value,
) -> list[str]:
    """Return the fields of ``keep_edits`` that somebody filled in or changed at the channel.

    ``present`` is what the channel holds. An empty field is free to be filled.
    """
    return [
        name
        for name in options.keep_edits
        if name in record.fields
        and present.get(name) not in _NOTHING
        and not is_same(record.fields[name], present[name], shown)
        and not (
            name in record.sent_match and is_same(record.sent_match[name], present[name], shown)
        )
    ]


def choose(
    records: Sequence[Record],
    find: Callable[[Record], Mapping[str, Any] | None],
    options: Options,
    shown: Callable[[Any], Any] = lambda value: value,
) -> tuple[list[Record], dict[str, list[str]], list[Verdict]]:
    """Decide by the options on records, each beside what ``find`` says the channel holds of it.

    Returns the records to write, the fields to leave alone in each by its key, and the verdicts of
    those that are left alone as a whole.
    """
    chosen, kept, verdicts = [], {}, []
    for record in records:
        present = find(record)
        if present is None and options.update_only:
            verdicts.append(skipped(record, ABSENT))
        elif present is not None and options.create_only:
            verdicts.append(skipped(record, EXISTS))
        else:
            chosen.append(record)
            kept[record.key] = edited_fields(record, present or {}, options, shown)
    return chosen, kept, verdicts


def with_kept(verdict: Verdict, fields: list[str]) -> Verdict:
    """Return an acknowledgement that says which fields were left as they are at the channel."""
    if not fields or verdict.status != "acknowledged":
        return verdict
    reason = f"left as edited at the channel: {', '.join(fields)}"
    return Verdict(verdict.key, "acknowledged", KEPT, reason, verdict.channel_id)
