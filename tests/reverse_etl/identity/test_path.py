"""The shortest, strongest way through random evidence, held against trying every way there is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from reverse_etl.identity.evidence import Evidence, Node
from reverse_etl.identity.masking import Labels, mask
from reverse_etl.identity.path import spanning_tree, strongest_path

NODES = [Node("email", str(number)) for number in range(6)]


@st.composite
def graphs(draw: st.DrawFn) -> list[Evidence]:
    ends = st.tuples(st.sampled_from(NODES), st.sampled_from(NODES))
    drawn = draw(st.lists(st.tuples(ends, st.integers(0, 4)), max_size=12))
    return [Evidence(left, right, "linked", float(weight)) for (left, right), weight in drawn]


def costs(evidence: list[Evidence], start: Node, goal: Node) -> Iterator[tuple[int, float]]:
    """Hops and strength of every way without repetition from start to goal."""
    cheapest: dict[frozenset[Node], float] = {}
    for edge in evidence:
        ends = frozenset(edge.ends)
        cheapest[ends] = min(edge.strength, cheapest.get(ends, edge.strength))
    between = [node for node in NODES if node not in (start, goal)]
    for length in range(len(between) + 1):
        for middle in permutations(between, length):
            way = (start, *middle, goal)
            steps = [frozenset(way[i : i + 2]) for i in range(len(way) - 1)]
            if all(step in cheapest for step in steps):
                yield len(steps), sum(cheapest[step] for step in steps)


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_no_way_is_shorter_and_none_as_short_is_stronger(evidence: list[Evidence]) -> None:
    start, goal = NODES[0], NODES[1]
    path = strongest_path(evidence, start, goal)
    ways = list(costs(evidence, start, goal))
    if path is None:
        assert not ways
        return
    node = start
    for edge in path:
        assert node in edge.ends
        node = edge.other(node)
    assert node == goal
    assert (len(path), sum(edge.strength for edge in path)) == min(ways)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_the_tree_reaches_whatever_a_path_does_and_hangs_together(evidence: list[Evidence]) -> None:
    root = NODES[0]
    before = {root}
    for node, edge in spanning_tree(evidence, root):
        assert edge.other(node) in before
        assert node not in before
        before.add(node)
    assert before == {n for n in NODES if strongest_path(evidence, root, n) is not None}


def test_masks_keep_what_is_recognised_and_hide_who_it_is() -> None:
    assert mask("jane.doe@example.com") == "j***@example.com"
    assert mask("+442079460958") == "+44***58"
    assert mask("u-44d04f05aab4f9") == "u-***f9"
    assert mask("17") == "1***"


def test_a_node_has_one_label_and_no_two_share_it() -> None:
    jane, john = Node("email", "jane@example.com"), Node("email", "john@example.com")
    record = Node("record", "email/member/jane@example.com/17")
    labels = Labels([jane, john, record])
    written = [labels.node(node) for node in (jane, john, jane, record)]
    assert written[0] == written[2] == "email j***@example.com"
    assert written[1] == "email j***@example.com (2)"
    assert written[3] == "record email/member/j***@example.com/17"
    assert Labels([jane], show_pii=True).node(jane) == "email jane@example.com"
