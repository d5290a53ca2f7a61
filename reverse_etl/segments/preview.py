"""What a segment would be, before anything is built: size, sample, overlap, reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.segments.coverage import Coverage, Reach
from reverse_etl.segments.replay import Replay, temporary_columns
from reverse_etl.segments.segment import Segment, segments
from reverse_etl.warehouse.session import Warehouse

SAMPLE = 5
_PREVIEWED = "previewed_members"


@dataclass(frozen=True)
class Overlap:
    """Whom it shares with a segment that is built."""

    segment: str
    label: str
    shared: int
    members: int


@dataclass(frozen=True)
class Preview:
    """The answer; ``sample`` holds whole rows, in clear."""

    segment: Segment
    size: int
    sample: tuple[Mapping[str, Any], ...]
    overlaps: tuple[Overlap, ...]
    coverage: tuple[Coverage, ...]


def preview(
    project: Project, warehouse: Warehouse, segment: Segment, moment: datetime | None = None
) -> Preview:
    """Return what the segment's SQL yields on the tables that are there.

    Raises:
        SeamlineError: it reads what is not there, or yields no ``person_id`` or one person twice.
    """
    replay = Replay(warehouse, project.manifest, moment)
    sql = replay.of(segment)
    warehouse.execute(f"drop table if exists {_PREVIEWED}")
    warehouse.execute(f"create temporary table {_PREVIEWED} as {sql}")
    columns = list(temporary_columns(warehouse, _PREVIEWED))
    if "person_id" not in columns:
        raise SeamlineError(f"{segment.name}: yields no person_id; say whose each row is.")
    ((size, people),) = warehouse.rows(
        f"select count(*), count(distinct person_id) from {_PREVIEWED}"
    )
    if size != people:
        raise SeamlineError(
            f"{segment.name}: yields {size} rows for {people} people; a segment has one row per "
            "person, so aggregate or rank."
        )
    rows = warehouse.rows(f"select * from {_PREVIEWED} order by person_id limit {SAMPLE}")
    reach = Reach(project, warehouse, replay, segment)
    return Preview(
        segment,
        int(size),
        tuple(dict(zip(columns, row, strict=True)) for row in rows),
        tuple(_overlaps(project, warehouse, segment)),
        tuple(reach.coverage(f"select person_id from {_PREVIEWED}")),
    )


def _overlaps(project: Project, warehouse: Warehouse, segment: Segment) -> list[Overlap]:
    found = []
    for other in segments(project.manifest):
        relation = project.manifest.relation(other.unique_id)
        if other.name == segment.name or not warehouse.columns(relation):
            continue
        ((members, shared),) = warehouse.rows(
            f"select count(*), count(p.person_id) from {relation} as other "
            f"left join {_PREVIEWED} as p on p.person_id = other.person_id"
        )
        found.append(Overlap(other.name, other.label, int(shared), int(members)))
    return sorted(found, key=lambda each: (-each.shared, each.segment))
