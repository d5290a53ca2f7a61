"""Which scored pairs may make people one: likely ones, but never in a chain of weak likenesses.

Components of likely pairs drift: A is like B and B like C, but A is not like C. So a component
whose records are mostly not alike is taken apart again at higher and higher probability.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

# The first is what a pair needs. From 0.5 to 0.999 it makes no difference to FEBRL 1 and 2; on the
# generated extracts 0.5 merges no two people and finds most.
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999)
# Of all pairs within a component, this share must be likely.
LEAST_DENSITY = 0.5
# Three records in a chain have two of three pairs, which is dense enough.
SMALLEST_CHAIN = 4

Pair = tuple[int, int, float]


def refusals(
    lefts: Sequence[str], rights: Sequence[str], probabilities: Sequence[float]
) -> list[str | None]:
    """Return for each pair why it merges nobody.

    Returns:
        ``improbable``: below the first of ``THRESHOLDS``. ``sparse``: it held together a component
        in which fewer than ``LEAST_DENSITY`` of all pairs were likely. None: it is accepted.
    """
    numbers = {name: n for n, name in enumerate(sorted({*lefts, *rights}))}
    pairs = [
        (numbers[left], numbers[right], probability)
        for left, right, probability in zip(lefts, rights, probabilities, strict=True)
    ]
    cluster = _clusters([pair for pair in pairs if pair[2] >= THRESHOLDS[0]])
    return [
        "improbable"
        if probability < THRESHOLDS[0]
        else None
        if cluster[left] == cluster[right]
        else "sparse"
        for left, right, probability in pairs
    ]


def _clusters(likely: list[Pair]) -> dict[int, int]:
    """Return the cluster, named by a member, of every record that is in a likely pair."""
    found: dict[int, int] = {}
    open_components = [(0, members, pairs) for members, pairs in _components(likely)]
    while open_components:
        level, members, pairs = open_components.pop()
        size = len(members)
        is_dense = 2 * len(pairs) >= LEAST_DENSITY * size * (size - 1)
        if size < SMALLEST_CHAIN or is_dense or level + 1 == len(THRESHOLDS):
            found.update(dict.fromkeys(members, members[0]))
            continue
        stronger = [pair for pair in pairs if pair[2] >= THRESHOLDS[level + 1]]
        found.update({member: member for member in members})
        open_components += [(level + 1, *component) for component in _components(stronger)]
    return found


def _components(pairs: Iterable[Pair]) -> list[tuple[list[int], list[Pair]]]:
    """Return the connected components of these pairs: members in order, and their pairs."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while (up := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[up]
        return node

    kept = list(pairs)
    for left, right, _ in kept:
        one, other = root(left), root(right)
        parent[max(one, other)] = min(one, other)
    members: dict[int, list[int]] = defaultdict(list)
    within: dict[int, list[Pair]] = defaultdict(list)
    for node in sorted(parent):
        members[root(node)].append(node)
    for pair in kept:
        within[root(pair[0])].append(pair)
    return [(members[name], within[name]) for name in members]
