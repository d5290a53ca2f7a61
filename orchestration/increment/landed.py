"""What landed since the last build, as staging has it: the rows of keys with news.

Each staging model of a source of events judges rows one key at a time, so that it is asked again
with the rows of the keys alone that are new. A visitor's identifiers sum up all of the visitor's
events: those are read beside the new ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.increment.graph import Graph
from orchestration.increment.session import TOUCHED, Session
from orchestration.increment.sets import any_of, keys

CHANGED = f"{TOUCHED}.changed"
BEFORE = f"{TOUCHED}.before"
_BESIDE = f"{TOUCHED}.beside"


def of_changed(name: str) -> str:
    """Return the condition that a row of a staging model has one of the changed keys."""
    return f"source_id in {keys(f'{CHANGED}.{name}', 'source_id')}"


def stage(graph: Graph, session: Session) -> int:
    """Build the changed rows of staging among what is touched. Returns how many rows are new.

    ``changed.<model>`` has the keys whose rows are replaced, ``staging.<model>`` the rows.
    """
    for schema in (CHANGED, BEFORE, _BESIDE, f"{TOUCHED}.staging", f"{TOUCHED}.sets"):
        session.execute(f"create schema if not exists {schema}")
    landed = sum(_judge(graph, session, source, name) for source, name in graph.raw_shaped())
    for name in graph.conformed():
        entity = graph.entity(name)
        if entity == "identifiers":
            _identify(graph, session, name)
        else:
            _conform(graph, session, name)
    return landed


def _judge(graph: Graph, session: Session, source: Mapping[str, str], name: str) -> int:
    """Judge the new rows of a raw table together with the older ones of the same keys."""
    raw, staged = source["relation_name"], graph.relation(name)
    new, beside = f"{CHANGED}.new_{name}", f"{_BESIDE}.{name}"
    landed = _take_new(session, raw, staged, new)
    if not landed:
        session.execute(f"create table {CHANGED}.{name} as select source_id from {staged} limit 0")
        for folder in (BEFORE, f"{TOUCHED}.staging"):
            session.execute(f"create table {folder}.{name} as select * from {staged} limit 0")
        return 0
    judged = graph.query(name, {raw: new})
    session.execute(
        f"create table {CHANGED}.{name} as "
        f"select distinct source_id from ({judged}) as judged where source_id is not null"
    )
    session.execute(f"create table {BEFORE}.{name} as {_standing(session, name, staged)}")
    session.execute(
        f"create table {beside} as select * from {new} union all select * from {raw} "
        f"where (_file, _row) in (select (_file, _row) from {BEFORE}.{name})"
    )
    session.execute(f"create table {graph.touched(name)} as {graph.query(name, {raw: beside})}")
    return landed


def _take_new(session: Session, raw: str, staged: str, new: str) -> int:
    """Build the rows of a raw table that staging has not. Returns how many there are.

    Where rows were only ever appended, those that staging has are the first ones, without a gap:
    then the others are found by their place. Otherwise each row is looked for.
    """
    among_known = (
        f"exists (select 1 from {staged} as known "
        "where known._file = landed._file and known._row = landed._row)"
    )
    [(rows, known)] = session.rows(
        f"select (select count(*) from {raw}), (select count(*) from {staged})"
    )
    [(above, edge)] = session.rows(
        f"select count(*) filter (where rowid >= {known}), count(*) filter (where {among_known}) "
        f"from {raw} as landed where rowid >= {known} - 1"
    )
    is_appended = above == rows - known and edge == min(known, 1)
    condition = f"rowid >= {known}" if is_appended else f"not {among_known}"
    session.execute(f"create table {new} as select * from {raw} as landed where {condition}")
    if is_appended:
        return int(above)
    [(found,)] = session.rows(f"select count(*) from {new}")
    return int(found)


def _standing(session: Session, name: str, staged: str) -> str:
    """Return a query of what staging has of the changed keys: mostly nothing, as they are new."""
    [(known,)] = session.rows(f"select count(*) from {staged} where {of_changed(name)}")
    return f"select * from {staged} " + (f"where {of_changed(name)}" if known else "limit 0")


def _conform(graph: Graph, session: Session, name: str) -> None:
    """Rows of a model that takes each row of its parents by itself."""
    parents = graph.parents(name)
    keys = " union ".join(f"select source_id from {CHANGED}.{parent}" for parent in parents)
    session.execute(f"create table {CHANGED}.{name} as {keys}")
    for folder in (BEFORE, f"{TOUCHED}.staging"):
        instead = {graph.relation(parent): f"{folder}.{parent}" for parent in parents}
        session.execute(f"create table {folder}.{name} as {graph.query(name, instead)}")


def _identify(graph: Graph, session: Session, name: str) -> None:
    """Identifiers of the records that the changed rows belong to, where they say anything new.

    A visitor who comes again is the same visitor: most batches leave most records as they were.
    """
    parents = graph.parents(name)
    found = []
    for folder in (BEFORE, f"{TOUCHED}.staging"):
        instead = {graph.relation(parent): f"{folder}.{parent}" for parent in parents}
        found.append(f"select source_id from ({graph.query(name, instead)}) as found")
    changed, touched, before = f"{CHANGED}.{name}", graph.touched(name), f"{BEFORE}.{name}"
    session.execute(f"create table {changed} as {' union '.join(found)}")
    instead = {}
    for parent in parents:
        instead[graph.relation(parent)] = f"{_BESIDE}.all_{parent}"
        # A view: no more than the columns that identify are read, of a table that has all events.
        session.execute(
            f"create view {_BESIDE}.all_{parent} as {_of_visitors(graph, session, parent)}"
        )
    session.execute(
        f"create table {touched} as "
        f"select * from ({graph.query(name, instead)}) as identified where {of_changed(name)}"
    )
    session.execute(
        f"create table {before} as select * from {touched} where 1 = 0 union all by name "
        f"select * from {graph.relation(name)} where {of_changed(name)}"
    )
    session.execute(
        f"create or replace table {changed} as select distinct source_id from ("
        f"(select * from {touched} except all select * from {before}) union all "
        f"(select * from {before} except all select * from {touched})) as news"
    )
    for rows in (touched, before):
        session.execute(f"delete from {rows} where not {of_changed(name)}")


def _of_visitors(graph: Graph, session: Session, name: str) -> str:
    """Return a query of the changed rows, and of the others by the same devices and users."""
    changed = graph.touched(name)
    if graph.entity(name) != "events":
        return f"select * from {changed}"
    known = graph.relation(name)
    of_visitors = [
        f"{column} in {keys(rows, column)}"
        for column in ("anonymous_id", "user_id")
        for rows in (changed, f"{BEFORE}.{name}")
    ]
    found = any_of(session, f"visitors_{name}", known, of_visitors)
    return (
        f"select * from {changed} union all "
        f"select * from {known} where {found} and not {of_changed(name)}"
    )
