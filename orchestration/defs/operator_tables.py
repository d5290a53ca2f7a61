"""What an operator reads on a plan or a sync: figures that Dagster plots, reasons as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from reverse_etl.planning.guards import GuardVerdict, refusals
from reverse_etl.planning.plan import Plan
from reverse_etl.sync import SyncResult

_PLANNED = ("added", "changed", "removed", "merged", "appended", "held_back", "owed")
_SENT = (
    "added",
    "changed",
    "removed",
    "merged",
    "appended",
    "held_back",
    "acknowledged",
    "rejected",
    "skipped",
    "pending",
)
_MOST_REASONS = 10
# Why a record is planned where the plan, taking it for granted, gives no reason.
_USUAL = {"add": "new", "append": "new", "remove": "no longer in the model"}


def plan_metadata(plan: Plan, sample: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what would be sent. ``sample`` are rows of the plan, addresses masked."""
    counts: dict[str, Any] = {count: getattr(plan, count) for count in _PLANNED}
    audiences = [
        (name, added, changed, removed) for name, added, changed, removed in plan.audiences
    ]
    coverage = dict(plan.match_coverage)
    if plan.match_rows:
        counts["findable_percent"] = round(100 * coverage["any"] / plan.match_rows, 2)
    return {
        **counts,
        "planned": sum(plan.sending.values()),
        "run": plan.run_id,
        "verdict": verdict_of(plan.guards),
        "guards": guards_table(plan.guards),
        "held_reasons": _table(("held back because", "records"), plan.held_reasons),
        "changed_fields": _table(("changed field", "records"), plan.changed_fields),
        "audiences": _table(("audience", "added", "changed", "removed"), audiences),
        "sample": _table(("operation", "audience", "key", "why"), map(_sampled, sample)),
    }


def sync_metadata(result: SyncResult) -> dict[str, Any]:
    """Return what was sent, and what the channel said."""
    counts: dict[str, Any] = {count: getattr(result, count) for count in _SENT}
    attempted = result.acknowledged + result.rejected + result.skipped + result.pending
    seconds = result.duration_seconds
    return {
        **counts,
        "planned": attempted,
        "run": result.run_id,
        "status": result.status,
        "verdict": verdict_of(result.guards),
        "duration_seconds": seconds,
        "records_per_second": round(attempted / seconds, 1) if seconds else 0.0,
        "accepted_percent": round(100 * accepted_fraction(result), 2),
        "requests": result.requests,
        "retries": result.retries,
        "error": result.error,
        "guards": guards_table(result.guards),
        "held_reasons": dg.MetadataValue.json(dict(result.held_reasons)),
        "rejections": rejections_table(result),
    }


def accepted_fraction(result: SyncResult) -> float:
    """Return which part of what the channel judged it took; all of it where it judged nothing."""
    judged = result.acknowledged + result.rejected
    return result.acknowledged / judged if judged else 1.0


def verdict_of(guards: Iterable[GuardVerdict]) -> str:
    """Return what the guards came to, in a word."""
    refused = refusals(guards)
    if not refused:
        return "passed"
    return "some audiences refused" if all(guard.audience for guard in refused) else "refused"


def guards_table(guards: Iterable[GuardVerdict]) -> dg.MarkdownMetadataValue:
    """Return every guard's verdict and reason."""
    rows = [
        (guard.name, guard.audience, _word(guard), guard.reason)
        for guard in sorted(guards, key=lambda guard: guard.passed)
    ]
    return _table(("guard", "audience", "verdict", "reason"), rows)


def rejections_table(result: SyncResult) -> dg.MarkdownMetadataValue:
    """Return the reasons for which the channel rejected the most records."""
    return _table(("reason", "records"), result.rejections[:_MOST_REASONS])


def _word(guard: GuardVerdict) -> str:
    if guard.passed:
        return "passed"
    return "overridden" if guard.overridden else "**refused**"


def _sampled(row: Mapping[str, Any]) -> tuple[object, ...]:
    changed = row["changed_fields"] and f"{row['changed_fields']} changed"
    why = changed or row["reason"] or _USUAL.get(row["operation"])
    return row["operation"], row["audience"], row["key"], why


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MarkdownMetadataValue:
    lines = [names, ["---"] * len(names), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines))


def _cell(value: object) -> str:
    """Return a value on one line, without what would end its cell."""
    text = "" if value is None else str(value)
    return " ".join(text.replace("|", "\\|").split())
