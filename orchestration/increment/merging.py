"""The touched people's rows take the place of those that the warehouse has of them, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestration.increment.graph import Graph, is_segment
from orchestration.increment.landed import CHANGED
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS, of_carts, of_people, of_records

_NODES = f"(select node_id from {SETS}.nodes)"
_KEYS = f"(select identifier_key from {SETS}.touched_keys)"
_EVENTS = f"(select event_id from {SETS}.events)"
_PEOPLE = f"(select person_id from {SETS}.people)"
_IDENTIFIERS = f"(select (identifier_type, identifier_value) from {SETS}.identifiers)"
_OF_NOBODY = f"(person_id is null and (identifier_type, identifier_value) in {_IDENTIFIERS})"

# Which rows of a model are the touched people's, where its person_id does not say so.
SCOPES = {
    "int_identifiers_normalised": of_records("records_2"),
    "int_identifiers_judged": of_records("records_2"),
    "int_identifiers_shared": f"(identifier_type, identifier_value) in {_IDENTIFIERS}",
    "int_identity_evidence": of_records("records_2"),
    "int_identity_edges": of_records("records_2"),
    "int_identities_certain": f"node_id in {_NODES}",
    "int_identity_drafts": f"node_id in {_NODES}",
    "int_identity_counts": f"node_id in {_NODES}",
    "int_identity_components": f"node_id in {_NODES}",
    "int_identity_guarded": f"left_id in {_NODES}",
    "int_identifiers_grouped": f"identifier_key in {_KEYS}",
    "int_person_ids_registered": "1 = 0",
    "int_person_ids_resolved": f"person_id in (select person_id from {SETS}.resolved)",
    "int_events_attributed": f"event_id in {_EVENTS}",
    "int_events_sessionised": f"event_id in {_EVENTS}",
    "events": f"event_id in {_EVENTS}",
    "sessions": f"session_id in (select session_id from {SETS}.sessions)",
    "int_carts_touched": of_carts("carts"),
    "int_carts_converted": of_carts("carts"),
    "cart_items": of_carts("carts"),
    "carts": of_carts("carts"),
    "int_suppressions_resolved": f"(person_id in {_PEOPLE} or {_OF_NOBODY})",
    "suppressions": f"(person_id in {_PEOPLE} or suppression_id in "
    f"(select suppression_id from {SETS}.unclaimed))",
}


def merge(graph: Graph, session: Session, path: Iterable[str]) -> None:
    """Put the touched rows of staging and of the path in the place of those that stand.

    To be called in a transaction, so that a reader sees all of it or nothing, after `delimit`.
    """
    for name in dict.fromkeys([*(name for _, name in graph.raw_shaped()), *graph.conformed()]):
        _replace(graph, session, name, f"source_id in (select source_id from {CHANGED}.{name})")
    for name in path:
        scope = SCOPES.get(name)
        if scope is None:
            if graph.relation(name) not in session.of_people():
                continue  # of nobody, and as the last full build left it
            scope = of_people("people")
        _replace(graph, session, name, scope, among=scope)
    _remember_members(graph, session, path)
    # The next full build would compare with what stands no more.
    session.execute(f"drop table if exists {_edges(graph)}")


def _remember_members(graph: Graph, session: Session, path: Iterable[str]) -> None:
    """Write who of the touched entered and left the segments: of all of them at once."""
    segments = [name for name in path if is_segment(graph.by_name[name])]
    if segments:
        members = {graph.by_name[name]["alias"]: graph.touched(name) for name in segments}
        any_of_them = graph.by_name[segments[0]]["unique_id"]
        remember = session.rendered(
            any_of_them, "remember_membership", among=_PEOPLE, members=members
        )
        session.execute(graph.rewritten(remember, {}))


def _edges(graph: Graph) -> str:
    return graph.relation("int_identity_drafts").removesuffix('"') + '__edges"'


def delimit(graph: Graph, session: Session) -> None:
    """Build the sets by which rows of the touched are told from others, before and after."""
    sets: Mapping[str, str] = {
        "people": f"select person_id from {SETS}.people_before "
        f"union select person_id from {SETS}.people_after",
        "identifiers": "select distinct identifier_type, identifier_value "
        f"from {graph.touched('int_identifiers_normalised')} where {of_records('records_2')} "
        f"union select identifier_type, identifier_value "
        f"from {graph.relation('int_identifiers_normalised')} where {of_records('records_2')}",
        "resolved": f"select person_id from {graph.relation('int_person_ids_resolved')} "
        f"where current_person_id in (select person_id from {SETS}.people_before) "
        f"union select person_id from {graph.touched('int_person_ids_resolved')} "
        f"where current_person_id in (select person_id from {SETS}.people_after)",
        "sessions": " union ".join(
            f"select session_id from {events} where event_id in {_EVENTS}"
            for events in (graph.relation("events"), graph.touched("events"))
        ),
    }
    for name, query in sets.items():
        session.execute(f"create table {SETS}.{name} as {query}")
    session.execute(f"create table {SETS}.unclaimed as {_unclaimed(graph)}")


def _unclaimed(graph: Graph) -> str:
    """Return a query of the suppressions of nobody known by an address of the touched."""
    hashes = f"(select sha256(identifier_value) from {SETS}.identifiers)"
    return " union ".join(
        f"select suppression_id from {relation} "
        f"where person_id is null and identifier_hash in {hashes}"
        for relation in (graph.relation("suppressions"), graph.touched("suppressions"))
    )


def _replace(graph: Graph, session: Session, name: str, gone: str, among: str = "1 = 1") -> None:
    """Delete the rows that are ``gone``, and insert the touched ones that are ``among``."""
    standing, touched = graph.relation(name), graph.touched(name)
    if name == "int_person_ids_registered":
        among = "1 = 1"  # it is only ever appended to
    session.execute(f"delete from {standing} where {gone}")
    session.execute(f"insert into {standing} by name select * from {touched} where {among}")
