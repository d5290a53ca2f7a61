"""What channels would get of an audience: who may be sent, who has what a channel matches by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sqlglot
from sqlglot import exp

from reverse_etl.contract.manifest import Relation
from reverse_etl.contract.project import Project, Sync
from reverse_etl.planning.candidates import Candidates
from reverse_etl.planning.facing import NO_MATCH_KEY
from reverse_etl.planning.privacy import permission
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import Segment
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

_MEMBERS = "members"  # the CTE of an audience model that says who is in which audience
_ROWS = "channel_rows"
_VERDICTS = "channel_verdicts"
_EXCLUDED = "excluded"  # by the audience's own rules: they hear of something else, or of nothing
_TEMPORARY = {"duckdb": "temp", "postgres": "pg_temp"}


@dataclass(frozen=True)
class Coverage:
    """How many of some people one sync could send to its channel, and why not the others.

    ``channel`` is its vendor's name, with the connection's beside it where it has one of its own.
    """

    sync: str
    destination: str
    channel: str
    people: int
    reached: int
    withheld: tuple[tuple[str, int], ...]


def syncs_of(project: Project, segment: Segment) -> Iterator[Sync]:
    """Yield the audience syncs of the channels that a segment names; all, where it names none."""
    for sync in project.syncs.values():
        names = {sync.destination, sync.connection}
        if sync.is_audience and (not segment.channels or names & set(segment.channels)):
            yield sync


@dataclass(frozen=True)
class Reach:
    """Asks what channels could get of people, on the tables that are there or are replayed."""

    project: Project
    warehouse: Warehouse
    replay: Replay
    segment: Segment

    def coverage(self, people: str) -> list[Coverage]:
        """Return what each channel of the segment could get of the people of a query.

        The rows are those that the sync's own model would make of them, the permission is the
        planner's. What the channel holds already plays no part.

        Raises:
            SeamlineError: consents or suppressions that decide are not in the warehouse.
        """
        return [self._covered(sync, people) for sync in self._syncs()]

    def reached(self, people: str) -> dict[str, set[str]]:
        """Return whom each sync could send, of the people of a query; by the sync's name."""
        found = {}
        for sync in self._syncs():
            self._judge(sync, people)
            rows = self.warehouse.rows(f"select person_id from {_VERDICTS} where withheld is null")
            found[sync.name] = {str(person) for (person,) in rows}
        return found

    def _syncs(self) -> Iterator[Sync]:
        for sync in syncs_of(self.project, self.segment):
            if _members_of(self.project, sync, self.warehouse) is not None:
                yield sync

    def _covered(self, sync: Sync, people: str) -> Coverage:
        self._judge(sync, people)
        rows = self.warehouse.rows(
            f"select withheld, count(*) from {_VERDICTS} group by 1 order by 2 desc, 1"
        )
        reasons = {reason: int(count) for reason, count in rows}
        ((asked,),) = self.warehouse.rows(f"select count(*) from ({people}) as asked")
        if excluded := int(asked) - sum(reasons.values()):
            reasons[_EXCLUDED] = excluded
        reached = reasons.pop(None, 0)
        own = sync.connection != sync.destination
        channel = f"{sync.channel.label} ({sync.connection})" if own else sync.channel.label
        return Coverage(
            sync.name, sync.destination, channel, int(asked), reached, tuple(reasons.items())
        )

    def _judge(self, sync: Sync, people: str) -> None:
        """Write what the planner would say of each of them."""
        rows = self.replay.rewritten(
            _rows_query(self.project, sync, self.segment, people, self.warehouse)
        )
        self._write(_ROWS, rows)
        dialect = self.warehouse.dialect
        facing = replace(sync, relation=Relation(_TEMPORARY[dialect.name], _ROWS))
        allowed = permission(facing, self.project.purposes, self.project.manifest, self.warehouse)
        markets = "suppressed_identifiers" in allowed.ctes
        candidates = Candidates(facing, dialect, sync.types, markets)
        unmatched = f"case when not has_match then {literal(NO_MATCH_KEY)} end"
        self._write(
            _VERDICTS,
            f"with {allowed.ctes} facing as ({candidates.query()}) "
            f"select facing.person_id, coalesce({allowed.reason}, {unmatched}) as withheld "
            f"from facing {allowed.joins}",
        )

    def _write(self, table: str, query: str) -> None:
        self.warehouse.execute(f"drop table if exists {table}")
        self.warehouse.execute(f"create temporary table {table} as {query}")


def listed(people: Sequence[str]) -> str:
    """Return a query for these people."""
    rows = ", ".join(f"({literal(person)})" for person in people)
    return f"select person_id from (values {rows}) as people (person_id)"


def _rows_query(
    project: Project, sync: Sync, segment: Segment, people: str, warehouse: Warehouse
) -> str:
    """Return the sync's own SQL, its members being the people of a query."""
    dialect = warehouse.dialect.name
    found = _members_of(project, sync, warehouse)
    assert found is not None
    tree, members = found
    columns = {
        "audience": literal(segment.name),
        "audience_label": literal(segment.label),
        "purpose": literal(segment.meta.get("purpose") or sync.purpose.name),
        "person_id": "person_id",
    }
    for column in members.this.named_selects:
        columns.setdefault(column, "cast(null as text)")
    listed = ", ".join(f"{value} as {name}" for name, value in columns.items())
    members.set("this", sqlglot.parse_one(f"select {listed} from ({people}) as p", read=dialect))
    return tree.sql(dialect=dialect)


def _members_of(
    project: Project, sync: Sync, warehouse: Warehouse
) -> tuple[exp.Query, exp.CTE] | None:
    """Return an audience model's statement and its list of members; none where it has no such."""
    compiled = project.manifest.compiled(sync.model)
    tree = sqlglot.parse_one(compiled, read=warehouse.dialect.name)
    if not isinstance(tree, exp.Query):
        return None
    members = next((cte for cte in tree.ctes if cte.alias == _MEMBERS), None)
    return (tree, members) if members else None
