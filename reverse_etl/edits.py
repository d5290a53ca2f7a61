"""Edits at the channel: what somebody wrote there, told from what we sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reverse_etl.destination import Options, Record, Verdict

KEPT = "edits_kept"


def edited_fields(
    record: Record,
    present: Mapping[str, Any],
    options: Options,
    shown: Callable[[Any], Any] = lambda value: value,
) -> list[str]:
    """Return the fields of ``keep_edits`` that somebody filled in or changed at the channel.

    ``present`` is what the channel holds, ``shown`` turns one of our values into the channel's
    form of it. An empty field is free to be filled.
    """
    return [
        name
        for name in options.keep_edits
        if name in record.fields
        and present.get(name) not in (None, "", [], {})
        and present[name] != shown(record.fields[name])
        and (name not in record.sent_match or present[name] != shown(record.sent_match[name]))
    ]


def with_kept(verdict: Verdict, fields: list[str]) -> Verdict:
    """Return an acknowledgement that says which fields were left as they are at the channel."""
    if not fields or verdict.status != "acknowledged":
        return verdict
    reason = f"left as edited at the channel: {', '.join(fields)}"
    return Verdict(verdict.key, "acknowledged", KEPT, reason, verdict.channel_id)
