"""The touched people's rows take the place of those that the warehouse has of them, all at once."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.increment import scopes
from orchestration.increment.graph import Graph, is_segment
from orchestration.increment.landed import CHANGED
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS


def merge(graph: Graph, session: Session, built: Iterable[str]) -> None:
    """Put the touched rows of staging and of the models built in the place of those that stand.

    To be called in a transaction, so that a reader sees all of it or nothing.
    """
    for name in dict.fromkeys([*(name for _, name in graph.raw_shaped()), *graph.conformed()]):
        of_changed = f"source_id in (select source_id from {CHANGED}.{name})"
        _replace(graph, session, name, of_changed, "1 = 1")
    for name in built:
        gone, come = scopes.gone(graph, session, name), scopes.come(graph, session, name)
        if gone and come:  # else of nobody, and as the last full build left it
            _replace(graph, session, name, gone, come)
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
    """Delete the rows that are ``gone``, and insert the touched ones that have ``come``."""
    standing, touched = graph.relation(name), graph.touched(name)
    session.execute(f"delete from {standing} where {gone}")
    session.execute(f"insert into {standing} by name select * from {touched} where {come}")
