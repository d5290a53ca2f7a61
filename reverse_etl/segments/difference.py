"""What a change of SQL does to segments, on the data that are there: for whoever reviews it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reverse_etl.contract.manifest import Manifest
from reverse_etl.contract.project import Project
from reverse_etl.segments.coverage import Coverage, Reach, listed
from reverse_etl.segments.explain import explain, readable, settle
from reverse_etl.segments.predicates import take_apart
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import Segment, at_instant, segments, stands_at
from reverse_etl.warehouse.session import Warehouse

MAX_CHANGED_FRACTION = 0.1

Cause = tuple[str, int]  # a predicate, and how many people it moved


@dataclass(frozen=True)
class Change:
    """One segment before and after; ``base`` or ``head`` is none where it is new or gone."""

    name: str
    base: Segment | None
    head: Segment | None
    size_before: int
    size_after: int
    entered: int
    left: int
    entered_by: tuple[Cause, ...] = ()  # predicates of before that kept them out
    left_by: tuple[Cause, ...] = ()  # predicates of now that keep them out
    added: tuple[Coverage, ...] = ()
    removed: tuple[Coverage, ...] = ()

    @property
    def allowed(self) -> float:
        """The fraction of the former members that may move without anybody asking why."""
        segment = self.head or self.base
        limit = segment.meta.get("max_changed_fraction") if segment else None
        return MAX_CHANGED_FRACTION if limit is None else float(limit)

    @property
    def is_past_threshold(self) -> bool:
        """Whether more move than that; a new segment moves nobody who was in it."""
        if self.base is None:
            return False
        return self.entered + self.left > self.allowed * self.size_before


def difference(
    project: Project, base: Manifest, warehouse: Warehouse, moment: datetime | None = None
) -> list[Change]:
    """Return the segments in which somebody enters or leaves, by name.

    Both sides are evaluated on the tables that are there, as of one instant; models that differ
    are computed anew for each. Identity is common to both.

    Args:
        project: with the manifest of after.
        base: the manifest of before.
        warehouse: with the tables.
        moment: the instant to judge by; that of the tables by default.
    """
    head = project.manifest
    moment = moment or _instant(head, warehouse)
    changed = _changed(base, head)
    sides = (
        _Side(warehouse, base, moment, changed, "base"),
        _Side(warehouse, head, moment, changed, "head"),
    )
    names = sorted({name for side in sides for name in side.segments})
    changes = (_compare(project, warehouse, *sides, name) for name in names)
    return [change for change in changes if change.entered or change.left]


class _Side:
    """The segments of one manifest, evaluated."""

    def __init__(
        self,
        warehouse: Warehouse,
        manifest: Manifest,
        moment: datetime | None,
        changed: frozenset[str],
        name: str,
    ) -> None:
        self.segments: Mapping[str, Segment] = {each.name: each for each in segments(manifest)}
        self.replay = Replay(warehouse, manifest, moment, changed, name)
        self._warehouse = warehouse

    def members(self, name: str) -> set[str]:
        if name not in self.segments:
            return set()
        sql = self.replay.sql(self.segments[name].unique_id)
        return {str(p) for (p,) in self.replay.rows(f"select person_id from ({sql}) as members")}

    def reasons(self, name: str, people: Sequence[str]) -> tuple[Cause, ...]:
        """Return what keeps people out of a segment here, most frequent first."""
        if name not in self.segments or not people:
            return ()
        unique_id = self.segments[name].unique_id
        sql, columns = self.replay.sql(unique_id), self.replay.columns_read(unique_id)
        definition = take_apart(sql, self._warehouse.dialect.name, columns)
        settled = settle(definition, self.replay.rows)
        counted: Counter[str] = Counter()
        for found in explain(definition, people, self.replay.rows).values():
            counted.update({readable(f.predicate, definition, settled) for f in found.reasons})
            counted.update({f"a row in {relation}" for relation in found.missing})
        return tuple(counted.most_common())


def _compare(project: Project, warehouse: Warehouse, base: _Side, head: _Side, name: str) -> Change:
    before, after = base.members(name), head.members(name)
    entered, left = sorted(after - before), sorted(before - after)
    segment = head.segments.get(name) or base.segments[name]
    return Change(
        name,
        base.segments.get(name),
        head.segments.get(name),
        len(before),
        len(after),
        len(entered),
        len(left),
        base.reasons(name, entered),
        head.reasons(name, left),
        tuple(_sent(project, warehouse, head.replay, segment, entered)),
        tuple(_sent(project, warehouse, head.replay, segment, left)),
    )


def _sent(
    project: Project, warehouse: Warehouse, replay: Replay, segment: Segment, people: Sequence[str]
) -> list[Coverage]:
    return Reach(project, warehouse, replay, segment).coverage(listed(people)) if people else []


def _changed(base: Manifest, head: Manifest) -> frozenset[str]:
    """Return the models whose SQL is not the same, but for the instant it was compiled for."""
    same = datetime(2000, 1, 1)

    def texts(manifest: Manifest) -> dict[str, str]:
        return {
            unique_id: " ".join(at_instant(node.get("compiled_code") or "", same).split())
            for unique_id, node in manifest.nodes.items()
            if node["resource_type"] == "model"
        }

    before, after = texts(base), texts(head)
    return frozenset(name for name, text in after.items() if before.get(name) != text) | frozenset(
        name for name in before if name not in after
    )


def _instant(manifest: Manifest, warehouse: Warehouse) -> datetime | None:
    found = (stands_at(segment.sql, warehouse) for segment in segments(manifest))
    return next((moment for moment in found if moment), None)
