"""Whom a batch touches: everybody whose row in any table it may change, and nobody twice.

Three circles of records, each closed under the components of the graph of people. The first holds
what carries an identifier of a changed record. The second adds those who share an identifier that
is refused for people of the first: whether it is shared or too common is judged by all of them.
They are the touched. The third is there to judge the second by, and is not computed for itself.

Who shares a cart with the touched is touched too, and widens the circles by one more wave, until
nobody is new. Each wave looks for what is new alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.increment.carts import find_partners, note_hands
from orchestration.increment.events import find_events
from orchestration.increment.graph import Graph
from orchestration.increment.landed import CHANGED
from orchestration.increment.session import Session
from orchestration.increment.sets import (
    NODE,
    RECORD_NODE,
    SETS,
    add_to,
    is_empty,
    make_set,
    of_people,
    of_records,
)

_TOUCHED, _JUDGED_BY = 2, 3  # circles
# These say something of the value alone, and bring nobody into connection with anybody.
_WORTHLESS = "('invalid', 'blocked', 'out_of_scope')"
_IS_SHARED = f"coalesce(refusal_reason, '') not in {_WORTHLESS}"
# A record's node says which it is.
_NEW_RECORDS = (
    "select split_part(substr(node_id, 8), '/', 1) as source_name, "
    "substr(node_id, 8 + strpos(substr(node_id, 8), '/')) as source_id "
    f"from {SETS}.new where starts_with(node_id, 'record:')"
)


def touch(graph: Graph, session: Session, due: Mapping[str, str]) -> None:
    """Build the sets of records, nodes, identifiers, people, carts and events that are touched.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging are.
        due: by model, the condition on rows for which an instant has passed.
    """
    _changed_records(graph, session)
    _changed_identifiers(graph, session)
    _shared(graph, session)
    _due_people(graph, session, due)
    for number in (1, _TOUCHED, _JUDGED_BY):
        make_set(session, f"circle_{number}", "select cast(null as text) as node_id limit 0")
    for number in (_TOUCHED, _JUDGED_BY):
        make_set(session, f"records_{number}", f"select * from {SETS}.changed_records")
    make_set(session, "people_before", "select cast(null as text) as person_id limit 0")
    note_hands(graph, session, due)
    make_set(session, "reached", _seeds(graph))
    while True:  # once at least: a cart that is due has partners, though no record changed
        _widen(graph, session)
        find_partners(session)
        identities = graph.relation("identities")
        make_set(
            session,
            "reached",
            f"select {NODE} as node_id from {identities} where {of_people('partners')}",
        )
        if is_empty(session, "reached"):
            break
    find_events(graph, session)


def _changed_records(graph: Graph, session: Session) -> None:
    parts = [
        f"select source_name, source_id from {graph.touched(model)} union "
        f"select source_name, source_id from {graph.relation(model)} "
        f"where source_id in (select source_id from {CHANGED}.{model})"
        for model in graph.conformed()
        if graph.entity(model) in {"identifiers", "attributes"}
    ]
    make_set(session, "changed_records", " union ".join(parts))


def _changed_identifiers(graph: Graph, session: Session) -> None:
    """Identifiers of the changed records, as they are and as they were."""
    instead = {}
    for model in graph.staging("identifiers"):
        empty = f"(select * from {graph.relation(model)} limit 0)"
        changed = model in set(graph.conformed())
        instead[graph.relation(model)] = graph.touched(model) if changed else empty
    now = graph.query("int_identifiers_normalised", instead)
    make_set(
        session,
        "changed_identifiers",
        f"select distinct identifier_type, identifier_value from ({now}) as normalised "
        f"where {_IS_SHARED} union select identifier_type, identifier_value "
        f"from {graph.relation('int_identifiers_normalised')} "
        f"where {_IS_SHARED} and {of_records('changed_records')}",
    )


def _shared(graph: Graph, session: Session) -> None:
    """Records that carry an identifier which is refused for some of them."""
    evidence = graph.relation("int_identity_evidence")
    make_set(
        session,
        "shared",
        f"select record_node, identifier_node from {evidence} where {_IS_SHARED} "
        f"and identifier_node in (select identifier_node from {evidence} "
        f"where refusal_reason is not null and {_IS_SHARED})",
    )


def _due_people(graph: Graph, session: Session, due: Mapping[str, str]) -> None:
    passed = [
        f"select person_id from {graph.relation(name)} where {rows}" for name, rows in due.items()
    ]
    nobody = "select cast(null as text) as person_id"
    make_set(session, "due_people", " union ".join([nobody, *passed]))


def _seeds(graph: Graph) -> str:
    """Return a query of the nodes that the first wave begins with."""
    return (
        f"select {RECORD_NODE} as node_id from {SETS}.changed_records "
        f"union select {NODE} from {SETS}.changed_identifiers "
        f"union select record_node from {graph.relation('int_identity_evidence')} "
        f"where identifier_node in (select {NODE} from {SETS}.changed_identifiers) "
        f"union select {NODE} from {graph.relation('identities')} "
        f"where {of_people('due_people')}"
    )


def _widen(graph: Graph, session: Session) -> None:
    """Add what was reached, and what it leads to, to the circles, and whom that makes touched."""
    drafts = graph.relation("int_identity_drafts")
    make_set(session, "new", f"select node_id from {SETS}.reached limit 0")
    for number in (1, _TOUCHED, _JUDGED_BY):
        # What the circle within brings is closed already.
        make_set(
            session,
            "new",
            f"select node_id from (select node_id from {SETS}.new "
            f"union select node_id from {SETS}.reached "
            f"union select node_id from {drafts} where component_id in ("
            f"select component_id from {drafts} "
            f"where node_id in (select node_id from {SETS}.reached))) as closed "
            f"where node_id not in (select node_id from {SETS}.circle_{number})",
        )
        add_to(session, f"circle_{number}", f"select node_id from {SETS}.new")
        if number == _TOUCHED:
            _add_people(graph, session)
        if number >= _TOUCHED:
            _add_records(session, f"records_{number}")
        make_set(
            session,
            "reached",
            f"select distinct record_node as node_id from {SETS}.shared where identifier_node in ("
            f"select identifier_node from {SETS}.shared "
            f"where record_node in (select node_id from {SETS}.new)) "
            f"and record_node not in (select node_id from {SETS}.circle_{number})",
        )


def _add_records(session: Session, records: str) -> None:
    """Add the records among the new nodes."""
    add_to(
        session,
        records,
        f"select source_name, source_id from ({_NEW_RECORDS}) as found "
        f"where not {of_records(records)}",
    )


def _add_people(graph: Graph, session: Session) -> None:
    """Add who has one of the new nodes, as the warehouse knows them."""
    make_set(
        session,
        "new_people",
        "select person_id from ("
        f"select person_id from {graph.relation('person_records')} "
        f"where (source_name, source_id) in (select source_name, source_id from ({_NEW_RECORDS})) "
        f"union select person_id from {graph.relation('identities')} "
        "where (identifier_type, identifier_value) in ("
        "select split_part(node_id, ':', 1), substr(node_id, 1 + strpos(node_id, ':')) "
        f"from {SETS}.new)) as found "
        f"where person_id is not null and not {of_people('people_before')}",
    )
    add_to(session, "people_before", f"select person_id from {SETS}.new_people")
