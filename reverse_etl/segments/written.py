"""Previews, back-tests and differences to read: in a terminal, or as Markdown in a review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reverse_etl.segments.backtest import Backtest
from reverse_etl.segments.coverage import Coverage
from reverse_etl.segments.difference import Cause, Change
from reverse_etl.segments.lift import Lift
from reverse_etl.segments.preview import Preview
from reverse_etl.segments.shown import Shown


def preview_report(preview: Preview, shown: Shown) -> RenderableType:
    """Return size, reach, overlaps and a sample."""
    parts: list[RenderableType] = [
        Text.assemble((preview.segment.label, "bold"), f": {preview.size:,} people"),
        _table(
            ("channel", "reached", "of them", "withheld"),
            [
                (each.sync, f"{each.reached:,}", _share(each.reached, each.people), _why(each))
                for each in preview.coverage
            ],
        ),
        _table(
            ("also in", "people", "share"),
            [
                (each.label, f"{each.shared:,}", _share(each.shared, preview.size))
                for each in preview.overlaps
                if each.shared
            ],
        ),
    ]
    rows = [shown.values(row) for row in preview.sample]
    if rows:
        columns = tuple(rows[0])
        cells = [tuple("" if row[c] is None else str(row[c]) for c in columns) for row in rows]
        parts.append(_table(columns, cells))
    parts.append(Text("Nothing was built and nothing was sent.", style="dim"))
    return Group(*parts)


def preview_json(preview: Preview, shown: Shown) -> dict[str, Any]:
    """Return the same as ``--json`` prints it."""
    return {
        "segment": preview.segment.name,
        "size": preview.size,
        "coverage": [_coverage_json(each) for each in preview.coverage],
        "overlaps": [vars(each) for each in preview.overlaps],
        "sample": [shown.values(row) for row in preview.sample],
    }


def backtest_report(found: Backtest) -> RenderableType:
    """Return one line per day, and what became of those who entered."""
    days = [
        (
            f"{day.moment:%Y-%m-%d}",
            *map(str, (day.size, day.entered, day.left, day.sent, day.removed)),
        )
        for day in found.days
    ]
    return Group(
        Text(found.segment.label, style="bold"),
        _table(("day", "people", "entered", "left", "would add", "would remove"), days),
        Text(
            f"Of {found.entered:,} who entered, {found.buyers:,} bought afterwards: "
            f"{found.orders:,} orders, {found.net_revenue:,.2f} net."
        ),
    )


def backtest_json(found: Backtest) -> dict[str, Any]:
    """Return the same as ``--json`` prints it."""
    return {
        "segment": found.segment.name,
        "days": [vars(day) for day in found.days],
        "entered": found.entered,
        "buyers": found.buyers,
        "orders": found.orders,
        "net_revenue": found.net_revenue,
    }


def lift_report(found: Sequence[Lift]) -> RenderableType:
    """Return each variant beside control."""
    rows = [
        (
            each.treated.variant,
            *(f"{arm.buyers:,} of {arm.people:,}" for arm in (each.treated, each.control)),
            f"{each.difference:+.1%}",
            f"{each.low:+.1%} to {each.high:+.1%}",
        )
        for each in found
    ]
    return _table(("variant", "bought", "control bought", "lift", "95 % interval"), rows)


def lift_json(found: Sequence[Lift]) -> list[dict[str, Any]]:
    """Return the same as ``--json`` prints it."""
    return [
        {**vars(each), "treated": vars(each.treated), "control": vars(each.control)}
        for each in found
    ]


def difference_markdown(changes: Sequence[Change]) -> str:
    """Return the changes as a comment for whoever reviews them."""
    return "\n".join(_markdown(changes)) + "\n"


def difference_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return the same as ``--json`` prints it."""
    return [
        {
            "segment": change.name,
            "size_before": change.size_before,
            "size_after": change.size_after,
            "entered": change.entered,
            "left": change.left,
            "entered_by": dict(change.entered_by),
            "left_by": dict(change.left_by),
            "added": [_coverage_json(each) for each in change.added],
            "removed": [_coverage_json(each) for each in change.removed],
            "max_changed_fraction": change.allowed,
            "is_past_threshold": change.is_past_threshold,
        }
        for change in changes
    ]


def _markdown(changes: Sequence[Change]) -> Iterator[str]:
    yield "## What this change does to segments"
    yield ""
    if not changes:
        yield "Nobody enters or leaves a segment."
        return
    yield "| segment | before | after | enter | leave | |"
    yield "|---|--:|--:|--:|--:|---|"
    for change in changes:
        note = _state(change)
        counts = f"{change.size_before:,} | {change.size_after:,} | {change.entered:,}"
        yield f"| `{change.name}` | {counts} | {change.left:,} | {note} |"
    for change in changes:
        yield ""
        yield f"### `{change.name}`"
        yield ""
        yield from _causes("enter, whom this kept out before", change.entered_by)
        yield from _causes("leave, whom this keeps out now", change.left_by)
        for verb, sent in (("add", change.added), ("remove", change.removed)):
            for each in sent:
                reached = f"{each.reached:,} of {each.people:,}{_because(each)}"
                yield f"- `{each.sync}` would {verb} {reached}"


def _causes(what: str, causes: Sequence[Cause]) -> Iterator[str]:
    for predicate, people in causes:
        yield f"- {people:,} {what}: `{predicate}`"


def _state(change: Change) -> str:
    if change.base is None:
        return "new"
    if change.head is None:
        return "gone"
    past = f"**moves more than {change.allowed:.0%}**"
    return past if change.is_past_threshold else ""


def _because(coverage: Coverage) -> str:
    return f" ({_why(coverage)})" if coverage.withheld else ""


def _why(coverage: Coverage) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in coverage.withheld)


def _coverage_json(coverage: Coverage) -> dict[str, Any]:
    return {**vars(coverage), "withheld": dict(coverage.withheld)}


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*row)
    return table
