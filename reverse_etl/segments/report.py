"""Explanations of memberships to read, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from reverse_etl.segments.explain import Finding, readable
from reverse_etl.segments.membership import Membership, Stay
from reverse_etl.segments.predicates import RESULT
from reverse_etl.segments.shown import Shown, compared_columns

_MOST_ROWS = 3


def membership_report(membership: Membership, *, show_pii: bool) -> RenderableType:
    """Return why a person is in a segment, or why not."""
    found = membership.explanation
    is_in = ("in", "bold green") if found.is_member else ("not in", "bold yellow")
    when = f" as of {membership.moment:%Y-%m-%d %H:%M}" if membership.moment else ""
    parts = [
        Text.assemble(f"person {found.person_id} is ", is_in, f" {membership.segment.label}{when}")
    ]
    parts += [Text(f"  {line}", style="dim") for line in _memory(membership)]
    parts += [Text(""), *_why_not(membership)]
    shown = _shown(membership, show_pii)
    step = ""
    for finding in found.findings:
        if finding.predicate.step != step:
            step = finding.predicate.step
            parts.append(Text(step if step == RESULT else f"step {step}", style="bold"))
        parts.append(_finding_line(finding, membership))
        parts += [Text(f"      {line}", style="dim") for line in _examples(finding, shown)]
    return Group(*parts)


def membership_json(membership: Membership, *, show_pii: bool) -> dict[str, Any]:
    """Return the same as ``--json`` prints it."""
    found = membership.explanation
    shown = _shown(membership, show_pii)
    return {
        "person_id": found.person_id,
        "segment": membership.segment.name,
        "as_of": membership.moment,
        "is_member": found.is_member,
        "was_known": membership.was_known,
        "stays": [vars(stay) for stay in membership.stays],
        "missing": list(found.missing),
        "predicates": [
            {
                "step": finding.predicate.step,
                "clause": finding.predicate.clause,
                "predicate": _text(finding, membership),
                "satisfied": len(finding.satisfied),
                "failed": len(finding.failed),
                "decided": finding.decided,
                "rows": {
                    "satisfied": [shown.values(r) for r in finding.satisfied[:_MOST_ROWS]],
                    "failed": [shown.values(r) for r in finding.failed[:_MOST_ROWS]],
                },
            }
            for finding in found.findings
        ],
    }


def _text(finding: Finding, membership: Membership) -> str:
    return readable(finding.predicate, membership.definition, membership.settled)


def _shown(membership: Membership, show_pii: bool) -> Shown:
    steps = membership.definition.steps
    conditions = [p.expression for step in steps for p in step.predicates]
    return Shown(show_pii=show_pii, compared=compared_columns(conditions))


def _memory(membership: Membership) -> Iterator[str]:
    if not membership.stays:
        yield "It remembers no time in it."
    for stay in membership.stays:
        yield f"{_span(stay)}{_by_another_id(stay, membership)}"
    if (
        membership.was_known is not None
        and membership.was_known != membership.explanation.is_member
    ):
        known = "in" if membership.was_known else "not in"
        yield f"As known then: {known}. The verdict is of what is known of it now."


def _span(stay: Stay) -> str:
    left = f"left {stay.left_at:%Y-%m-%d %H:%M}" if stay.left_at else "still in"
    return f"entered {stay.entered_at:%Y-%m-%d %H:%M}, {left}"


def _by_another_id(stay: Stay, membership: Membership) -> str:
    is_same = stay.person_id == membership.explanation.person_id
    return "" if is_same else f", known as {stay.person_id} then"


def _why_not(membership: Membership) -> Iterator[Text]:
    found = membership.explanation
    if found.is_member:
        return
    for finding in found.reasons:
        where = "" if finding.predicate.step == RESULT else f" ({finding.predicate.step})"
        yield Text(f"because not: {_text(finding, membership)}{where}", style="yellow")
    for relation in found.missing:
        yield Text(f"because there is no row of theirs in {relation}", style="yellow")
    yield Text("")


def _finding_line(finding: Finding, membership: Membership) -> Text:
    style, sign = ("green", "✓") if finding.satisfied else ("red", "✗")
    if not (finding.satisfied or finding.failed):
        style, sign = "dim", "·"
    rows = f"{len(finding.satisfied)} of {len(finding.satisfied) + len(finding.failed)} rows"
    return Text.assemble((f"  {sign} ", style), _text(finding, membership), (f"  {rows}", "dim"))


def _examples(finding: Finding, shown: Shown) -> Iterator[str]:
    for sign, rows in (("✓", finding.satisfied), ("✗", finding.failed)):
        for row in rows[:_MOST_ROWS]:
            yield f"{sign} {_written(shown.values(finding.looked_at(row)))}"


def _written(row: Mapping[str, Any]) -> str:
    """Return a row to read: a column by its bare name, unless two of that name differ."""
    by_name: dict[str, list[Any]] = {}
    for column, value in row.items():
        by_name.setdefault(column.rpartition(".")[2], []).append(value)
    parts: dict[str, Any] = {}
    for column, value in row.items():
        name = column.rpartition(".")[2]
        parts[name if all(each == value for each in by_name[name]) else column] = value
    return ", ".join(f"{name} {'null' if v is None else v}" for name, v in parts.items())
