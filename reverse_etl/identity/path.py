"""Ways through the evidence: the shortest path, and of these the strongest."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable

from reverse_etl.identity.evidence import Evidence, Node


def neighbours(evidence: Iterable[Evidence]) -> dict[Node, list[Evidence]]:
    """Return the evidence at each node, strongest first."""
    found: dict[Node, list[Evidence]] = defaultdict(list)
    for edge in sorted(evidence, key=lambda edge: (edge.strength, edge.ends)):
        for end in edge.ends:
            found[end].append(edge)
    return found


def strongest_path(evidence: Iterable[Evidence], start: Node, goal: Node) -> list[Evidence] | None:
    """Return the fewest edges from ``start`` to ``goal``, of these the strongest in sum.

    Dijkstra's algorithm on (hops, strength); equals are decided by the names of the nodes, so the
    answer is the same on every engine. None where there is no path.
    """
    around = neighbours(evidence)
    came_by: dict[Node, Evidence | None] = {}
    arrivals: list[Evidence | None] = [None]
    ahead: list[tuple[int, float, Node, int]] = [(0, 0.0, start, 0)]
    while ahead:
        hops, strength, node, arrival = heapq.heappop(ahead)
        if node in came_by:
            continue
        came_by[node] = arrivals[arrival]
        if node == goal:
            return _walked_back(came_by, goal)
        for edge in around[node]:
            if edge.other(node) not in came_by:
                # Edges are met in the order of their strength, so the position decides ties.
                arrivals.append(edge)
                step = (hops + 1, strength + edge.strength, edge.other(node), len(arrivals) - 1)
                heapq.heappush(ahead, step)
    return None


def spanning_tree(evidence: Iterable[Evidence], root: Node) -> list[tuple[Node, Evidence]]:
    """Return every node that ``root`` reaches, nearest first, with the edge that leads to it.

    Read from the front, each edge hangs its node on one that came before.
    """
    around = neighbours(evidence)
    seen, found, ahead = {root}, [], [root]
    while ahead:
        following = []
        for node in ahead:
            for edge in around[node]:
                step = edge.other(node)
                if step not in seen:
                    seen.add(step)
                    found.append((step, edge))
                    following.append(step)
        ahead = following
    return found


def _walked_back(came_by: dict[Node, Evidence | None], goal: Node) -> list[Evidence]:
    path = []
    node = goal
    while edge := came_by[node]:
        path.append(edge)
        node = edge.other(node)
    return path[::-1]
