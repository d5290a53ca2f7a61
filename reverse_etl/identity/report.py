"""Explanations to read, and the same as JSON. ``Labels`` say how a node is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from reverse_etl.identity.evidence import Change, Evidence
from reverse_etl.identity.masking import Labels
from reverse_etl.identity.path import spanning_tree
from reverse_etl.identity.verdict import Portrait, Verdict

_REASONS = {
    "invalid": "it cannot be normalised",
    "blocked": "it is on the list of worthless values",
    "too_common": "it stands on records of more accounts than one person may have",
    "shared_device": "people with different accounts or first names use this device",
    "shared_phone": "people with different accounts or first names use this number",
    "split_by_hand": "a human split it off",
    "improbable": "the model finds it too unlikely",
    "sparse": "it would chain together records that the model does not find alike",
}


def verdict_report(verdict: Verdict, labels: Labels) -> RenderableType:
    """Return why two nodes are one person, or what keeps them apart."""
    head = f"{labels.node(verdict.left)}  and  {labels.node(verdict.right)}"
    if verdict.path is not None:
        hops = f"{len(verdict.path)} hop{'' if len(verdict.path) == 1 else 's'}"
        return Group(
            Text.assemble((head, "bold"), " are ", ("one person", "bold green")),
            Text(f"person {verdict.left_person}, {hops}: the fewest, and of these the strongest"),
            Text(""),
            *_path_lines(verdict, labels),
        )
    return Group(
        Text.assemble((head, "bold"), " are ", ("kept apart", "bold yellow")),
        Text(f"person {verdict.left_person or 'none'}  and  {verdict.right_person or 'none'}"),
        Text(""),
        *_apart_lines(verdict, labels),
    )


def portrait_report(portrait: Portrait, labels: Labels) -> RenderableType:
    """Return a person's graph as a tree; evidence between nodes drawn already is listed below."""
    tree = Tree(Text(labels.node(portrait.root), style="bold"))
    branches = {portrait.root: tree}
    drawn = set()
    for node, edge in spanning_tree(portrait.accepted, portrait.root):
        parent = branches[edge.other(node)]
        branches[node] = parent.add(
            Text.assemble(labels.node(node), (f"  {_provenance(edge)}", "dim"))
        )
        drawn.add(edge)
    closing = [edge for edge in portrait.accepted if edge not in drawn]
    parts: list[RenderableType] = [
        Text.assemble(("person ", "bold"), (portrait.person_id, "bold"), f": {_counted(portrait)}"),
        tree,
    ]
    parts += _section("Evidence that confirms it", [_between(edge, labels) for edge in closing])
    parts += _section(
        "Refused", [f"{_between(edge, labels)}: {_why(edge)}" for edge in portrait.refused]
    )
    parts += _section("What became of its ids", [_change(change) for change in portrait.changes])
    return Group(*parts)


def verdict_json(verdict: Verdict, labels: Labels) -> dict[str, Any]:
    """Return a verdict as ``--json`` prints it."""
    return {
        "left": labels.node(verdict.left),
        "right": labels.node(verdict.right),
        "is_same_person": verdict.path is not None,
        "left_person_id": verdict.left_person,
        "right_person_id": verdict.right_person,
        "path": None if verdict.path is None else [_edge(e, labels) for e in verdict.path],
        "refused": [_edge(edge, labels) for edge in verdict.refusals],
        "barriers": [
            {
                "identifier": labels.node(barrier.node),
                "reason": barrier.reason,
                "left": _edge(barrier.left, labels),
                "right": _edge(barrier.right, labels),
            }
            for barrier in verdict.barriers
        ],
        "doubts": [_edge(edge, labels) for edge in verdict.doubts],
        "hints": [
            {"attribute": hint.attribute, "value": labels.value(hint.value)}
            for hint in verdict.hints
        ],
    }


def portrait_json(portrait: Portrait, labels: Labels) -> dict[str, Any]:
    """Return a person's graph as ``--json`` prints it."""
    return {
        "person_id": portrait.person_id,
        "accepted": [_edge(edge, labels) for edge in portrait.accepted],
        "refused": [_edge(edge, labels) for edge in portrait.refused],
        "changes": [vars(change) for change in portrait.changes],
    }


def _path_lines(verdict: Verdict, labels: Labels) -> Iterator[Text]:
    node = verdict.left
    yield Text(f"  {labels.node(node)}", style="bold")
    for edge in verdict.path or []:
        node = edge.other(node)
        yield Text(f"    │ {_provenance(edge)}", style="dim")
        yield Text(f"  {labels.node(node)}", style="" if node.is_record else "bold")


def _apart_lines(verdict: Verdict, labels: Labels) -> Iterator[Text]:
    for edge in verdict.refusals:
        node = verdict.left if verdict.left in edge.ends else verdict.right
        yield Text(f"  {labels.node(node)} merges nobody: {_why(edge)}")
    for barrier in verdict.barriers:
        why = _REASONS.get(barrier.reason, barrier.reason)
        yield Text(f"  both have {labels.node(barrier.node)}, which was refused: {why}")
        for edge in (barrier.left, barrier.right):
            yield Text(f"    {labels.node(edge.left)}, {_provenance(edge)}", style="dim")
    for edge in verdict.doubts:
        yield Text(f"  {_between(edge, labels)}: {_why(edge)}")
    if not (verdict.refusals or verdict.barriers or verdict.doubts):
        yield Text("  No record of one carries anything that a record of the other carries.")
    if verdict.hints:
        said = ", ".join(f"{hint.attribute} {labels.value(hint.value)}" for hint in verdict.hints)
        yield Text(f"  Both say {said}; that is no evidence.")
    if verdict.left_person and verdict.right_person:
        yield Text("")
        yield Text(
            "  A row with action link in seeds/reference/identity_decisions.csv joins them.",
            style="dim",
        )


def _provenance(edge: Evidence) -> str:
    if edge.kind == "linked":
        return "linked by a human"
    if edge.kind == "matched":
        return f"matched with probability {edge.probability:.4f}"
    seen = _span(edge.first_seen_at, edge.last_seen_at)
    refused = f" · refused: {edge.refusal_reason}" if edge.refusal_reason else ""
    return f"{edge.source} · seen {seen} · arrived {_instant(edge.arrived_at)}{refused}"


def _why(edge: Evidence) -> str:
    reason = edge.refusal_reason or "accepted"
    return _REASONS.get(reason, reason)


def _between(edge: Evidence, labels: Labels) -> str:
    return f"{labels.node(edge.left)} – {labels.node(edge.right)}, {_provenance(edge)}"


def _counted(portrait: Portrait) -> str:
    nodes = {end for edge in portrait.accepted for end in edge.ends} | {portrait.root}
    records = sum(node.is_record for node in nodes)
    return f"{len(nodes) - records} identifiers on {records} records"


def _section(title: str, lines: list[str]) -> list[RenderableType]:
    return (
        [Text(f"\n{title}", style="bold"), *(Text(f"  {line}") for line in lines)] if lines else []
    )


def _change(change: Change) -> str:
    to = "" if change.change == "created" else f" into {change.to_person_id}"
    return f"{_instant(change.effective_at)}  {change.person_id} {change.change}{to}"


def _span(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None or first == last:
        return _instant(first or last)
    return f"{_instant(first)} to {_instant(last)}"


def _instant(moment: object) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if isinstance(moment, datetime) else "at no known time"


def _edge(edge: Evidence, labels: Labels) -> dict[str, Any]:
    return {
        "left": labels.node(edge.left),
        "right": labels.node(edge.right),
        "kind": edge.kind,
        "source": edge.source,
        "refusal_reason": edge.refusal_reason,
        "first_seen_at": edge.first_seen_at,
        "last_seen_at": edge.last_seen_at,
        "arrived_at": edge.arrived_at,
        "probability": edge.probability,
    }
