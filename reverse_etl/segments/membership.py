"""``seamline explain membership``: what SQL and memory say of one person and one segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reverse_etl.contract.manifest import Manifest, Relation
from reverse_etl.errors import SeamlineError
from reverse_etl.identity.graph import Graph
from reverse_etl.segments.explain import Explanation, explain, settle
from reverse_etl.segments.predicates import Definition, take_apart
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import Segment, built, stands_at
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

MEMORY = Relation("segments", "segment_memberships")


@dataclass(frozen=True)
class Stay:
    """A time in the segment as it was known, under the ``person_id`` of that time."""

    person_id: str
    entered_at: datetime
    left_at: datetime | None

    def covers(self, moment: datetime) -> bool:
        """Whether they were in it at an instant."""
        return self.entered_at <= moment and (self.left_at is None or moment < self.left_at)


@dataclass(frozen=True)
class Membership:
    """The answer. ``settled`` are the values of what the SQL computes without looking at a row."""

    segment: Segment
    definition: Definition
    moment: datetime | None
    explanation: Explanation
    stays: tuple[Stay, ...]
    settled: Mapping[str, str]

    @property
    def was_known(self) -> bool | None:
        """Whether they were in it as known then; none where the SQL asks for no time."""
        return any(stay.covers(self.moment) for stay in self.stays) if self.moment else None


def person_of(warehouse: Warehouse, manifest: Manifest, asked: str) -> str:
    """Return the person that somebody means: by a ``person_id``, an identifier or a record.

    Raises:
        SeamlineError: there is none, or what was asked for is nobody's.
    """
    graph = Graph(warehouse, manifest)
    component = graph.component(graph.find(asked))
    person = graph.person(component) if component else None
    if person is None:
        raise SeamlineError("That is nobody's: `seamline explain person` shows why.")
    return person


def explain_membership(
    warehouse: Warehouse,
    manifest: Manifest,
    segment: Segment,
    person: str,
    moment: datetime | None = None,
) -> Membership:
    """Explain why a person is in a segment or not, as of the build or of another instant.

    As of another instant the tables are told again: by all that is known now of what was true
    then, of the people of today. What was known then is what the memory says.

    Raises:
        SeamlineError: something that it needs is not built, or the SQL cannot be explained.
    """
    moment = moment or stands_at(segment.sql, warehouse)
    replay = Replay(warehouse, manifest, moment)
    sql = replay.sql(segment.unique_id)
    columns = replay.columns_read(segment.unique_id)
    definition = take_apart(sql, warehouse.dialect.name, columns)
    found = explain(definition, [person], replay.rows)[person]
    stays = _stays(warehouse, manifest, segment.name, person)
    settled = settle(definition, replay.rows)
    return Membership(segment, definition, moment, found, tuple(stays), settled)


def _stays(warehouse: Warehouse, manifest: Manifest, segment: str, person: str) -> list[Stay]:
    built(MEMORY, warehouse)
    ids = manifest.relation_named("int_person_ids_resolved", "intermediate")
    built(ids, warehouse)
    rows = warehouse.rows(f"""
        select memory.person_id, memory.entered_at, memory.left_at
        from {MEMORY} as memory
        left join {ids} as ids on memory.person_id = ids.person_id
        where memory.segment = {literal(segment)}
            and coalesce(ids.current_person_id, memory.person_id) = {literal(person)}
        order by memory.entered_at, memory.person_id
    """)
    return [Stay(str(row[0]), row[1], row[2]) for row in rows]
