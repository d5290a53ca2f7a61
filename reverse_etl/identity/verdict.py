"""Why two nodes are one person, or what keeps them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from reverse_etl.identity.evidence import Change, Evidence, Hint, Node
from reverse_etl.identity.graph import Graph, NotInTheGraphError
from reverse_etl.identity.masking import mask
from reverse_etl.identity.path import strongest_path


@dataclass(frozen=True)
class Barrier:
    """Something that both sides have and that was refused: it would have joined them."""

    node: Node
    reason: str
    left: Evidence
    right: Evidence


@dataclass(frozen=True)
class Verdict:
    """What the graph says about two nodes.

    ``path`` is the evidence from left to right where they are one person. Otherwise ``refusals``
    is why a node is nobody's at all, ``barriers`` what would have joined them, strongest first,
    ``doubts`` the pairs that the model found too unlikely, ``hints`` what both merely say.
    """

    left: Node
    right: Node
    left_person: str | None
    right_person: str | None
    path: list[Evidence] | None
    refusals: list[Evidence] = field(default_factory=list)
    barriers: list[Barrier] = field(default_factory=list)
    doubts: list[Evidence] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)

    @property
    def nodes(self) -> set[Node]:
        """Every node that the verdict speaks of."""
        edges = [*(self.path or ()), *self.refusals, *self.doubts]
        edges += [edge for barrier in self.barriers for edge in (barrier.left, barrier.right)]
        return {self.left, self.right, *(end for edge in edges for end in edge.ends)}


@dataclass(frozen=True)
class Portrait:
    """A person's graph: the evidence accepted and refused, and what became of their ids."""

    person_id: str
    root: Node
    accepted: list[Evidence]
    refused: list[Evidence]
    changes: list[Change]

    @property
    def nodes(self) -> set[Node]:
        """Every node of the graph, refused ones too."""
        edges = self.accepted + self.refused
        return {self.root, *(end for edge in edges for end in edge.ends)}


def explain_identity(graph: Graph, left_asked: str, right_asked: str) -> Verdict:
    """Return why two things are one person, or what keeps them apart.

    Raises:
        NotInTheGraphError: one of them is on no record, or is several things.
    """
    left, right = graph.find(left_asked), graph.find(right_asked)
    left_component, right_component = graph.component(left), graph.component(right)
    left_person = graph.person(left_component) if left_component else None
    right_person = graph.person(right_component) if right_component else None
    left_edges = graph.evidence(graph.side(left))
    if left == right or (left_component is not None and left_component == right_component):
        accepted = [edge for edge in left_edges if edge.refusal_reason is None]
        path = strongest_path(accepted, left, right)
        if path is None:
            raise NotInTheGraphError(
                f"{mask(left_asked)} and {mask(right_asked)} are one person, but the evidence "
                "for it is gone: the tables are from different builds. Build the project again."
            )
        return Verdict(left, right, left_person, right_person, path)
    right_edges = graph.evidence(graph.side(right))
    left_records, right_records = _records(left_edges), _records(right_edges)
    for node, component, edges, others in (
        (left, left_component, left_edges, right_records),
        (right, right_component, right_edges, left_records),
    ):
        if component is None and not node.is_record:
            # Refused everywhere, so it has no side: what counts is where it stands on the other's.
            carriers = graph.carriers(node)
            edges.extend([edge for edge in carriers if edge.left in others])
    barriers = _barriers(left_edges, right_edges)
    return Verdict(
        left,
        right,
        left_person,
        right_person,
        None,
        [
            edge
            for node, component in ((left, left_component), (right, right_component))
            if component is None
            for edge in _one_per_reason(graph.carriers(node))
        ],
        barriers,
        [edge for edge in left_edges if _is_between(edge, left_records, right_records)],
        graph.hints(left_person, right_person) if left_person and right_person else [],
    )


def explain_person(graph: Graph, asked: str) -> Portrait:
    """Return the graph of a person, by ``person_id`` or by anything that is theirs.

    Raises:
        NotInTheGraphError: nobody is known by it.
    """
    root = graph.find(asked)
    component = graph.component(root)
    person_id = graph.person(component) if component else None
    if person_id is None:
        reasons = sorted({str(edge.refusal_reason) for edge in graph.carriers(root)})
        raise NotInTheGraphError(
            f"{mask(asked)} is nobody's: its evidence is refused ({', '.join(reasons)})."
        )
    edges = graph.evidence(graph.side(root))
    return Portrait(
        person_id,
        root,
        [edge for edge in edges if edge.refusal_reason is None],
        [edge for edge in edges if edge.refusal_reason is not None],
        graph.changes(person_id),
    )


def _records(edges: Iterable[Evidence]) -> set[Node]:
    return {edge.left for edge in edges if edge.kind == "carries"}


def _is_between(edge: Evidence, ones: set[Node], others: set[Node]) -> bool:
    """Whether the model compared a record of one side with a record of the other."""
    return edge.kind == "matched" and (
        (edge.left in ones and edge.right in others) or (edge.right in ones and edge.left in others)
    )


def _barriers(left_edges: list[Evidence], right_edges: list[Evidence]) -> list[Barrier]:
    """Return what stands on both sides and is refused on one at least."""
    left_at: dict[Node, list[Evidence]] = defaultdict(list)
    for edge in left_edges:
        left_at[edge.right].append(edge)
    found: dict[Node, Barrier] = {}
    for right in right_edges:
        for left in left_at[right.right]:
            reason = left.refusal_reason or right.refusal_reason
            if reason and right.right not in found:
                found[right.right] = Barrier(right.right, reason, left, right)
    return sorted(found.values(), key=lambda barrier: (barrier.left.strength, barrier.node))


def _one_per_reason(edges: Iterable[Evidence]) -> list[Evidence]:
    return list({edge.refusal_reason: edge for edge in edges}.values())
