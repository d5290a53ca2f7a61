"""The touched people's rows take the place of those that the warehouse has of them, all at once.

Most of them are what they were, and most models have nothing new: only what differs is written.
What a batch leaves in the warehouse's log is then as small as its news.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.increment import scopes
from orchestration.increment.graph import Graph, is_segment
from orchestration.increment.landed import of_changed
from orchestration.increment.session import TOUCHED, Session
from orchestration.increment.sets import SETS, keys

_DIFFERING = f"{TOUCHED}.differing"


def compare(graph: Graph, session: Session, built: Iterable[str]) -> list[str]:
    """Find, beside the warehouse, which of its rows the models built take away, and which come.

    ``differing.<model>`` has a row for each. Where the model has a primary key, it has the row's
    ``place`` in the warehouse if it stands there, and if it ``comes``, what comes there.

    Returns:
        The models of which any row differs.
    """
    session.execute(f"create schema {_DIFFERING}")
    compared = []
    for name in built:
        gone, come = scopes.gone(graph, session, name), scopes.come(graph, session, name)
        if gone and come:  # else of nobody, and as the last full build left it
            stands = f"from {graph.relation(name)} where {gone}"
            comes = f"from {graph.touched(name)} where {come}"
            differing = _rows_by_key if graph.key(name) else _rows_as_a_whole
            query = differing(graph, session, name, stands, comes)
            session.execute(f"create table {_DIFFERING}.{name} as {query}")
            compared.append(name)
    looks = [
        f"select '{name}' where exists (select 1 from {_DIFFERING}.{name})" for name in compared
    ]
    found = {name for (name,) in session.rows(" union all ".join(looks))}
    return [name for name in compared if name in found]


def _rows_by_key(graph: Graph, session: Session, name: str, stands: str, comes: str) -> str:
    key = graph.key(name)
    # What an event says of itself is the same for as long as the event is.
    changing = graph.meta(name, "only_changes")
    columns = changing or session.columns[graph.relation(name)]
    differs = ["stands.place is null", "comes.comes is null"]
    differs += [f'stands."{column}" is distinct from comes."{column}"' for column in columns]
    if changing:
        differs.append(f"comes.{key[0]} in (select event_id from {SETS}.changed_events)")
    read = ", ".join(dict.fromkeys([*key, *columns]))
    return (
        f"select stands.place, comes.* from (select rowid as place, {read} {stands}) as stands "
        f"full join (select true as comes, * {comes}) as comes "
        f"on {' and '.join(f'stands.{column} = comes.{column}' for column in key)} "
        f"where {' or '.join(differs)}"
    )


def _rows_as_a_whole(graph: Graph, session: Session, name: str, stands: str, comes: str) -> str:
    columns = ", ".join(f'"{column}"' for column in session.columns[graph.relation(name)])
    stand, come = f"select {columns} {stands}", f"select {columns} {comes}"
    return f"({come} except all {stand}) union all ({stand} except all {come})"


def merge(graph: Graph, session: Session, built: Iterable[str], changed: Iterable[str]) -> None:
    """Put the touched rows of staging and of the changed models in the place of those that stand.

    To be called in a transaction, so that a reader sees all of it or nothing, after `compare`.
    """
    for name in dict.fromkeys([*(name for _, name in graph.raw_shaped()), *graph.conformed()]):
        _replace(graph, session, name, of_changed(name), graph.touched(name))
    for name in changed:
        if graph.key(name):
            differing = f"{_DIFFERING}.{name}"
            leaving = f"rowid in {keys(differing, 'place')}"
            coming = f"(select * exclude (place, comes) from {differing} where comes)"
            _replace(graph, session, name, leaving, coming)
        else:
            come = scopes.come(graph, session, name)
            gone = scopes.gone(graph, session, name)
            assert gone
            _replace(graph, session, name, gone, f"{graph.touched(name)} where {come}")
    _remember_members(graph, session, built)
    # The next full build would compare with what stands no more.
    session.execute(f"drop table if exists {_edges(graph)}")


def _remember_members(graph: Graph, session: Session, built: Iterable[str]) -> None:
    """Write who of the touched entered and left the segments: of all alike at once."""
    for people in ("identified", "people"):
        segments = [
            graph.by_name[name]
            for name in built
            if is_segment(graph.by_name[name]) and (name in graph.following) == (people == "people")
        ]
        if segments:
            remember = session.rendered(
                segments[0]["unique_id"],
                "remember_membership",
                among=f"(select person_id from {SETS}.{people})",
                members={node["alias"]: graph.touched(node["name"]) for node in segments},
            )
            session.execute(graph.rewritten(remember, {}))


def _edges(graph: Graph) -> str:
    return graph.relation("int_identity_drafts").removesuffix('"') + '__edges"'


def _replace(graph: Graph, session: Session, name: str, gone: str, come: str) -> None:
    """Delete the rows that are ``gone``, and insert those ``come`` from."""
    standing = graph.relation(name)
    session.execute(f"delete from {standing} where {gone}")
    session.execute(f"insert into {standing} by name select * from {come}")
