"""Who was in each segment on past days, told by what is known now: a table beside the memory.

The memory of segments begins with their first build. A day before it, or one that late data has
changed since, is replayed from the tables that are there. What a source tells only the present of,
such as whether a deal is open, is replayed as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from orchestration import landing
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import segments, stands_at
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.duckdb import DuckDBWarehouse
from reverse_etl.warehouse.opening import open_warehouse
from reverse_etl.warehouse.session import Warehouse

TABLE = "segments.segment_days"
_PATIENCE_SECONDS = 60.0
_CREATED = (
    "create schema if not exists segments",
    f"create table if not exists {TABLE} (segment text, day date, person_id text)",
)


@contextmanager
def open_for_writing(project: Project, say: Callable[[str], None]) -> Iterator[Warehouse]:
    """Open the warehouse itself to be written, which syncs never do.

    Raises:
        SeamlineError: another process keeps it locked.
    """
    if project.profile.dialect == "duckdb":
        with landing.open_warehouse(project.profile, _PATIENCE_SECONDS, say) as opened:
            yield DuckDBWarehouse(opened.reader)
    else:
        with open_warehouse(project.profile, project.home) as warehouse:
            yield warehouse


def write_day(project: Project, warehouse: Warehouse, day: date) -> dict[str, int]:
    """Replay every segment as of the end of ``day``; its members replace what was told of the day.

    People are those of today, and so is what is known of them.

    Returns:
        How many were in each segment, by its name.

    Raises:
        SeamlineError: the day had not ended when the tables were built, or they are not there.
    """
    found = list(segments(project.manifest))
    ends = datetime(day.year, day.month, day.day) + timedelta(days=1)
    built = max((at for each in found if (at := stands_at(each.sql, warehouse))), default=None)
    if built is not None and ends > built:
        raise SeamlineError(
            f"{day} had not ended when the tables were built (as of {built:%Y-%m-%d %H:%M} UTC); "
            "choose an earlier day, or build the project first."
        )
    for statement in _CREATED:
        warehouse.execute(statement)
    replay = Replay(warehouse, project.manifest, ends)
    members = {each.name: replay.of(each) for each in found}
    on_day = f"cast({literal(day.isoformat())} as date)"
    with warehouse.transaction():
        warehouse.execute(f"delete from {TABLE} where day = {on_day}")
        for name, sql in members.items():
            warehouse.execute(
                f"insert into {TABLE} (segment, day, person_id) "
                f"select {literal(name)}, {on_day}, person_id from ({sql}) as members"
            )
        counted = warehouse.rows(
            f"select segment, count(*) from {TABLE} where day = {on_day} group by 1"
        )
    return dict.fromkeys(members, 0) | dict(counted)
