"""Plans and results for people to read. Numbers and reasons only: never a value of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from reverse_etl.ledger.runs import SyncResult
from reverse_etl.planning.guards import GuardVerdict
from reverse_etl.planning.plan import Plan

STYLES = {"done": "green", "refused": "yellow", "rejected": "yellow", "failed": "red"}


def console(*, stderr: bool = False) -> Console:
    """Return where to print; wide enough for a table where nobody says how wide it is."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=120)


def plan_report(plans: Sequence[Plan], rows: dict[str, list[dict[str, Any]]]) -> RenderableType:
    """Return what each sync would do."""
    parts: list[RenderableType] = []
    for plan in plans:
        head = Text.assemble(
            (plan.sync, "bold"),
            f"  {plan.destination} {plan.object}, {plan.mode}",
            ", each as a whole in the place of what is there" if plan.replaces else "",
        )
        parts.append(head)
        parts += [Text("  ") + line for line in _plan_lines(plan)]
        parts += [Text(f"    {_row(row)}", style="dim") for row in rows.get(plan.sync, [])]
        parts.append(Text(""))
    totals = {name: sum(getattr(plan, name) for plan in plans) for name in _COUNTS}
    words = [
        f"{totals[name]} to {verb}"
        for name, verb in zip(_COUNTS, _VERBS, strict=True)
        if name not in _SELDOM_PLANNED or totals[name]
    ]
    parts.append(Text.assemble(("Plan: ", "bold"), f"{', '.join(words)}. Nothing was sent."))
    return Group(*parts)


# Columns that are shown where there is something in them.
_SELDOM = ("removed", "merged", "appended", "skipped", "pending", "held_back")
_SELDOM_PLANNED = ("merged", "skipped")
_COUNTS = ("added", "changed", "removed", "merged", "appended")
_VERBS = ("add", "change", "remove", "merge", "append")


def _plan_lines(plan: Plan) -> Iterable[Text]:
    if plan.is_empty:
        yield Text("nothing to do", style="dim")
    if plan.added:
        yield Text(f"+ {plan.added} to add", style="green")
    if plan.changed:
        yield Text(f"~ {plan.changed} to change: {_counted(plan.changed_fields)}", style="yellow")
    if plan.removed:
        owed = f", {plan.owed} of them owed to the person" if plan.owed else ""
        yield Text(f"- {plan.removed} to remove{owed}", style="red")
    if plan.merged:
        yield Text(f"> {plan.merged} to merge into others", style="yellow")
    if plan.appended:
        yield Text(f"» {plan.appended} to append", style="green")
    for name, added, changed, removed in plan.audiences:
        yield Text(f"  {name}: +{added} ~{changed} -{removed}")
    if plan.match_rows:
        shares = ", ".join(
            f"{name} {found / plan.match_rows:.0%}" for name, found in plan.match_coverage
        )
        yield Text(f"match keys of {plan.match_rows} rows: {shares}", style="dim")
    if plan.held_back:
        yield Text(f"· {plan.held_back} held back: {_counted(plan.held_reasons)}", style="dim")
    yield from _guard_lines(plan.guards)


def _guard_lines(guards: Sequence[GuardVerdict]) -> Iterable[Text]:
    failed = [verdict for verdict in guards if not verdict.passed]
    for verdict in failed:
        where = f" for {verdict.audience}" if verdict.audience else ""
        if verdict.overridden:
            yield Text(
                f"! guard {verdict.name}{where} overridden: {verdict.reason}", style="yellow"
            )
        else:
            yield Text(f"✗ guard {verdict.name} refuses{where}: {verdict.reason}", style="red")
            yield Text(f"  send all the same: {verdict.override}", style="dim")


def guard_report(runs: Mapping[str, Sequence[GuardVerdict]]) -> RenderableType:
    """Return, by sync, what guards refused, or were overridden in; no line where all passed."""
    parts: list[RenderableType] = []
    for sync, guards in runs.items():
        if lines := list(_guard_lines(guards)):
            parts.append(Text(sync, style="bold"))
            parts += [Text("  ") + line for line in lines]
    return Group(*parts)


def result_report(results: Sequence[SyncResult]) -> RenderableType:
    """Return what each run did."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("sync", no_wrap=True)
    table.add_column("status")
    columns = [
        name
        for name in (*_COUNTS, "acknowledged", "rejected", "skipped", "pending", "held_back")
        if name not in _SELDOM or any(getattr(result, name) for result in results)
    ]
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("seconds", justify="right")
    for result in results:
        table.add_row(
            result.sync,
            Text(result.status, style=STYLES[result.status]),
            *(str(getattr(result, name)) for name in columns),
            f"{result.duration_seconds:.1f}",
        )
    parts: list[RenderableType] = [table]
    for result in results:
        lines = list(_guard_lines(result.guards))
        lines += [Text(f"{count} rejected: {why}") for why, count in result.rejections]
        if result.error:
            lines.append(Text(result.error, style="red"))
        if lines:
            parts.append(Text(result.sync, style="bold"))
            parts += [Text("  ") + line for line in lines]
    return Group(*parts)


def table_report(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> RenderableType:
    """Return rows as a plain table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        # What a row is about stays whole; everything else may take more lines.
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return str(value)


def _counted(counts: Sequence[tuple[str, int]], most: int = 6) -> str:
    rest = f" and {len(counts) - most} more" if len(counts) > most else ""
    return ", ".join(f"{name} {count}" for name, count in counts[:most]) + rest


def _row(row: dict[str, Any]) -> str:
    audience = f" in {row['audience']}" if row["audience"] else ""
    note = row["changed_fields"] or row["reason"]
    return f"{row['operation']} {row['key']}{audience}{f' ({note})' if note else ''}"
