"""What micro-batches leave behind: when the last was, whom it touched, which models are built."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orchestration.increment.graph import Graph
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS
from reverse_etl.segments.segment import instant_of

_TABLES = (
    "create schema if not exists ops",
    "create table if not exists ops.micro_batches "
    "(moment timestamp, began_at timestamp, landed bigint, people bigint)",
    "create table if not exists ops.touched_people (moment timestamp, person_id text)",
)
# Whom a batch touched is asked for by the plans that follow it at once.
_KEPT_DAYS = 1


def last_moment(graph: Graph, session: Session) -> datetime:
    """Return the instant that the tables were computed for, by a full build or a micro-batch."""
    for statement in _TABLES:
        session.execute(statement)
    built = max(
        moment
        for name in graph.path
        if (moment := instant_of(graph.by_name[name]["compiled_code"]))
    )
    [(latest,)] = session.rows("select max(moment) from ops.micro_batches")
    return max(built, latest) if latest else built


def remember(
    graph: Graph,
    session: Session,
    path: Iterable[str],
    began_at: datetime,
    landed: int,
) -> None:
    """Note the batch, whom it touched, what landed and which models are up to date."""
    now = f"timestamp '{graph.moment:%Y-%m-%d %H:%M:%S.%f}'"
    began = f"timestamp '{began_at:%Y-%m-%d %H:%M:%S.%f}'"
    session.execute(
        f"delete from ops.touched_people where moment < {now} - interval {_KEPT_DAYS} day"
    )
    session.execute(f"insert into ops.touched_people select {now}, person_id from {SETS}.people")
    session.execute(
        f"insert into ops.micro_batches select {now}, {began}, {landed}, count(*) "
        f"from {SETS}.people"
    )
    _count_landed(graph, session)
    names = ", ".join(f"'{graph.by_name[name]['unique_id']}'" for name in path)
    # Only what stood: a model that failed in the last build has failed still.
    session.execute(
        "insert into ops.dbt_results select unique_id, resource_type, name, status, failures, "
        f"'micro-batch', 'micro-batch {graph.moment:%Y-%m-%dT%H:%M:%S.%f}', {began} from ("
        "select *, row_number() over (partition by unique_id order by executed_at desc) as recency "
        f"from ops.dbt_results where unique_id in ({names})) as results "
        "where recency = 1 and status = 'success'"
    )


def _count_landed(graph: Graph, session: Session) -> None:
    """Bring the counts of landed rows up to date: those of the changed keys are counted again."""
    counts = graph.relation("landing_counts")
    for _, name in graph.raw_shaped():
        for row, sign in ((graph.touched(name), 1), (f"touched.before.{name}", -1)):
            session.execute(
                f"update {counts} as counts set "
                + ", ".join(
                    f"{column} = counts.{column} + {sign} * new.{column}"
                    for column in ("landed", "accepted", "quarantined", "duplicates")
                )
                + " from (select source_name, source_table, count(*) as landed, "
                + ", ".join(
                    f"count(*) filter (where row_status = '{status}') as {column}"
                    for column, status in (
                        ("accepted", "accepted"),
                        ("quarantined", "quarantined"),
                        ("duplicates", "duplicate"),
                    )
                )
                + f" from {row} group by 1, 2) as new "
                "where counts.source_name = new.source_name "
                "and counts.source_table = new.source_table"
            )
