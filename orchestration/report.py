"""The demo's printing: figures as short tables, in the order in which the data flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from orchestration.figures import Figures, Segment

_SYNC_COUNTS = ("added", "changed", "removed", "appended", "held_back", "acknowledged", "rejected")


def print_people(console: Console, figures: Figures, truth: Path) -> None:
    """Print who was found, and how well records were brought together."""
    anonymous = figures.count("marts.people", "is_anonymous")
    known = figures.count("marts.people", "not is_anonymous")
    records = figures.count("marts.person_records")
    identifiers = figures.count("marts.identities")
    refused = figures.count("marts.identity_refused")
    precision, recall = figures.identity_quality(truth)
    console.print(
        f"\n[bold]People[/bold]  {known + anonymous:,} found: {known:,} known, "
        f"{anonymous:,} anonymous\n"
        f"  {records:,} records and {identifiers:,} identifiers brought together; "
        f"{refused:,} identifiers refused as evidence\n"
        f"  against the truth, over pairs of records: precision {precision:.4f}, "
        f"recall {recall:.4f}"
    )


def print_landing(console: Console, figures: Figures) -> None:
    """Print what landed per source, and what became of every row."""
    table = _table("Landed", "source", "rows", "accepted", "quarantined", "duplicates")
    landing = figures.landing()
    for source, *counts in landing:
        table.add_row(source, *_numbers(counts))
    totals = [sum(column) for column in zip(*(counts for _, *counts in landing), strict=True)]
    table.add_section()
    table.add_row("all", *_numbers(totals))
    console.print(table)
    reasons = _table("Quarantined", "source", "rows", "reason")
    for source, reason, rows in figures.quarantined():
        reasons.add_row(source, f"{rows:,}", reason)
    console.print(reasons)


def print_segments(console: Console, segments: Sequence[Segment]) -> None:
    """Print every segment with its size."""
    table = _table("Segments", "segment", "people")
    for segment in sorted(segments, key=lambda each: each.label):
        table.add_row(segment.label, f"{segment.members:,}")
    console.print(table)


def print_syncs(console: Console, syncs: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what each sync sent, what it held back, and why."""
    table = _table("Syncs", "sync", *(name.replace("_", " ") for name in _SYNC_COUNTS))
    for name, sync in syncs.items():
        table.add_row(name, *_numbers([sync[count] for count in _SYNC_COUNTS]))
    console.print(table)
    reasons = _table("Held back", "sync", "records", "reason")
    for name, sync in syncs.items():
        for reason, count in sync["held_reasons"].items():
            reasons.add_row(name, f"{count:,}", reason)
    console.print(reasons)


def print_real(console: Console, figures: Figures) -> None:
    """Print what the real data say."""
    orders = "marts.orders"
    gross = figures.total(orders, "gross_amount")
    returned = figures.total("marts.returns", "amount")
    # A return that names no order is in no order's net revenue.
    unmatched = figures.total("marts.returns", "amount_reporting", "order_id is null")
    net_reporting = figures.total(orders, "net_revenue") - unmatched
    lines = [
        ("customers", figures.count("marts.people", "order_count > 0")),
        ("people, visitors included", figures.count("marts.people")),
        ("orders", figures.count(orders)),
        ("orders without a customer", figures.count(orders, "person_id is null")),
        ("order lines", figures.count("marts.order_lines")),
        ("returns", figures.count("marts.returns")),
        ("gross revenue, in the shop's currency", gross),
        ("returned", returned),
        ("net revenue", gross - returned),
        ("net revenue, in the reporting currency", net_reporting),
        ("sessions", figures.count("marts.sessions")),
        ("carts", figures.count("marts.carts")),
        ("carts abandoned", figures.count("marts.carts", "status = 'abandoned'")),
    ]
    table = _table("What the real data say", "figure", "value")
    for name, value in lines:
        table.add_row(name, f"{value:,}" if isinstance(value, int) else f"{value:,.2f}")
    console.print(table)


def print_time(console: Console, steps: Mapping[str, float], seconds: float) -> None:
    """Print where the time went."""
    table = _table("Time", "step", "seconds")
    for name, step_seconds in steps.items():
        table.add_row(name, f"{step_seconds:.1f}")
    table.add_section()
    table.add_row("all, Dagster's start included", f"{seconds:.1f}")
    console.print(table)


def print_next_steps(console: Console) -> None:
    """Print where to look next."""
    console.print(
        "\n[bold]Look next[/bold]\n"
        "  make sandbox                     every audience as it arrived, on http://127.0.0.1:8799\n"
        "  .venv/bin/seamline catalogue     every audience in words: what for, how many, why\n"
        "  make dagster                     the whole graph, every check, every run\n"
        "  .venv/bin/seamline plan          what would be sent now: nothing, until data change\n"
        "  .venv/bin/seamline status        the runs so far\n"
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=f"\n{title}", title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    first, *others = columns
    table.add_column(first, min_width=30)
    for column in others:
        is_text = column == "reason"
        table.add_column(column, justify="left" if is_text else "right", header_style="dim")
    return table


def _numbers(values: Sequence[Any]) -> list[str]:
    return [f"{value:,}" for value in values]
