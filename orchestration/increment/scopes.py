"""Which rows of a model are about whom a batch touches.

The graph of people, and what a model says of somebody by it, changes for those alone who are
resolved anew. What follows from events and time changes for all who are touched.
"""

from __future__ import annotations

from orchestration.increment.graph import Graph
from orchestration.increment.session import Session
from orchestration.increment.sets import (
    SETS,
    any_of,
    keys,
    make_set,
    of_carts,
    of_identifiers,
    of_people,
    of_records,
)

_NODES = keys(f"{SETS}.nodes", "node_id")
_KEYS = keys(f"{SETS}.touched_keys", "identifier_key")
_EVENTS = keys(f"{SETS}.events", "event_id")
_OF_NOBODY = f"(person_id is null and {of_identifiers('identifiers')})"

_EVENTS_OF_PEOPLE = frozenset({"int_events_attributed", "events"})
# Where a model's person_id does not say whose its rows are.
_SCOPES = {
    "int_identifiers_normalised": of_records("records_2"),
    "int_identifiers_judged": of_records("records_2"),
    "int_identifiers_shared": of_identifiers("identifiers"),
    "int_identity_evidence": of_records("records_2"),
    "int_identity_edges": of_records("records_2"),
    "int_identities_certain": f"node_id in {_NODES}",
    "int_identity_drafts": f"node_id in {_NODES}",
    "int_identity_counts": f"node_id in {_NODES}",
    "int_identity_components": f"node_id in {_NODES}",
    "int_identity_guarded": f"left_id in {_NODES}",
    "int_identifiers_grouped": f"identifier_key in {_KEYS}",
    "int_person_ids_registered": "1 = 0",
    "int_person_ids_resolved": of_people("resolved"),
    "int_events_attributed": f"event_id in {_EVENTS}",
    "int_events_sessionised": f"event_id in {_EVENTS}",
    "events": f"event_id in {_EVENTS}",
    "sessions": f"session_id in {keys(f'{SETS}.sessions', 'session_id')}",
    "int_carts_touched": of_carts("carts"),
    "int_carts_converted": of_carts("carts"),
    "cart_items": of_carts("carts"),
    "carts": of_carts("carts"),
    "int_suppressions_resolved": f"({of_people('identified')} or {_OF_NOBODY})",
    "suppressions": f"({of_people('identified')} or suppression_id in "
    f"(select suppression_id from {SETS}.unclaimed))",
}


def gone(graph: Graph, session: Session, name: str) -> str | None:
    """Return which rows of a model's relation a batch takes away; None: it is about nobody."""
    if name in _EVENTS_OF_PEOPLE:
        return f"rowid in {keys(f'{SETS}.gone_{name}', 'place')}"
    if name in _SCOPES:
        return _SCOPES[name]
    if graph.relation(name) not in session.of_people():
        return None
    # Who has just come has no rows yet.
    return of_people("people" if name in graph.following else "identified_before")


def come(graph: Graph, session: Session, name: str) -> str | None:
    """Return which of a model's touched rows take their place; None: it is about nobody."""
    if name == "int_person_ids_registered":
        return "1 = 1"  # it is only ever appended to
    if name in _SCOPES:
        return _SCOPES[name]
    if graph.relation(name) not in session.of_people():
        return None
    return of_people("people" if name in graph.following else "identified")


def delimit_identities(graph: Graph, session: Session) -> None:
    """Build the sets of those who were resolved anew, by what they were and by what they are."""
    normalised = "int_identifiers_normalised"
    make_set(
        session,
        "identified",
        f"select person_id from {SETS}.identified_before "
        f"union select person_id from {SETS}.identified_after",
    )
    make_set(
        session,
        "identifiers",
        " union ".join(
            f"select identifier_type, identifier_value from {rows} where {of_records('records_2')}"
            for rows in (graph.touched(normalised), graph.relation(normalised))
        ),
    )
    make_set(
        session,
        "resolved",
        f"select person_id from {graph.relation('int_person_ids_resolved')} "
        f"where current_person_id in {keys(f'{SETS}.identified_before', 'person_id')} "
        f"union select person_id from {graph.touched('int_person_ids_resolved')} "
        f"where current_person_id in {keys(f'{SETS}.identified_after', 'person_id')}",
    )
    # Suppressions of nobody known, by an address of theirs.
    hashes = keys(f"{SETS}.identifiers", "sha256(identifier_value)")
    make_set(
        session,
        "unclaimed",
        " union ".join(
            f"select suppression_id from {rows} "
            f"where person_id is null and identifier_hash in {hashes}"
            for rows in (graph.relation("suppressions"), graph.touched("suppressions"))
        ),
    )


def delimit_events(graph: Graph, session: Session) -> None:
    """Build the sets of the standing rows of the touched events.

    Whose event is touched is touched as well, and the events of a person lie together.
    """
    for name in _EVENTS_OF_PEOPLE:
        looks = [
            f"{whose} and {_SCOPES[name]}" for whose in (of_people("people"), "person_id is null")
        ]
        any_of(session, f"gone_{name}", graph.relation(name), looks)


def delimit_sessions(graph: Graph, session: Session) -> None:
    """Build the set of the sessions of the touched events, as they were and as they are."""
    standing, events = graph.relation("events"), graph.touched("events")
    make_set(
        session,
        "sessions",
        f"select session_id from {standing} where {gone(graph, session, 'events')} "
        f"union select session_id from {events} where event_id in {_EVENTS}",
    )
