"""Whom a batch touches: everybody whose row in any table it may change, and nobody twice.

Three circles of records, each closed under the components of the graph of people. The first holds
what carries an identifier of a changed record. The second adds those who share an identifier that
is refused for people of the first: whether it is shared or too common is judged by all of them.
They are the touched. The third is there to judge the second by, and is not computed for itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.increment.graph import Graph
from orchestration.increment.landed import CHANGED
from orchestration.increment.session import TOUCHED, Session

SETS = f"{TOUCHED}.sets"
# These say something of the value alone, and bring nobody into connection with anybody.
_WORTHLESS = "('invalid', 'blocked', 'out_of_scope')"
_RECORD_NODE = "'record:' || source_name || '/' || source_id"
_NODE = "identifier_type || ':' || identifier_value"


def of_records(records: str) -> str:
    """Return the condition that a row is of one of a set's records."""
    return f"(source_name, source_id) in (select (source_name, source_id) from {SETS}.{records})"


def of_nodes(nodes: str) -> str:
    """Return the condition that a row's identifier is one of a set's nodes."""
    return f"{_NODE} in (select node_id from {SETS}.{nodes})"


def of_people(people: str) -> str:
    """Return the condition that a row is about one of a set's people."""
    return f"person_id in (select person_id from {SETS}.{people})"


def touch(graph: Graph, session: Session, due: Mapping[str, str]) -> None:
    """Build the sets of records, nodes, identifiers, people, carts and events that are touched.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging are.
        due: by model, the condition on rows for which an instant has passed.
    """
    _changed_records(graph, session, "changed_records", ("identifiers", "attributes"))
    _normalised(graph, session)
    evidence, drafts = (
        graph.relation("int_identity_evidence"),
        graph.relation("int_identity_drafts"),
    )
    _table(
        session,
        "contested",
        (
            f"select distinct identifier_node from {evidence} "
            f"where refusal_reason is not null and refusal_reason not in {_WORTHLESS}"
        ),
    )
    nobody = "select cast(null as text) as person_id"
    passed = [
        f"select person_id from {graph.relation(name)} where {rows}" for name, rows in due.items()
    ]
    _table(session, "due_people", " union ".join([nobody, *passed]))
    _table(
        session,
        "seeds",
        (
            f"select {_RECORD_NODE} as node_id from {SETS}.changed_records "
            f"union select {_NODE} from {SETS}.changed_identifiers "
            f"union select record_node from {evidence} where identifier_node in ("
            f"select {_NODE} from {SETS}.changed_identifiers) "
            f"union select {_NODE} from {graph.relation('identities')} "
            f"where {of_people('due_people')}"
        ),
    )
    while True:
        _table(session, "circle_1", _closed("seeds", drafts))
        for number in (1, 2):
            _table(session, f"reached_{number}", _sharing(f"circle_{number}", evidence))
            _table(session, f"circle_{number + 1}", _closed(f"reached_{number}", drafts))
        _people_before(graph, session)
        _carts(graph, session, due)
        if not _add_partners(graph, session):
            break
    _events(graph, session)


def _changed_records(graph: Graph, session: Session, name: str, entities: tuple[str, ...]) -> None:
    parts = [
        f"select source_name, source_id from {graph.touched(model)} union "
        f"select source_name, source_id from {graph.relation(model)} "
        f"where source_id in (select source_id from {CHANGED}.{model})"
        for model in graph.conformed()
        if graph.entity(model) in entities
    ]
    _table(session, name, " union ".join(parts))


def _normalised(graph: Graph, session: Session) -> None:
    """Identifiers of the changed records, as they are and as they were."""
    instead = {}
    for model in graph.staging("identifiers"):
        empty = f"(select * from {graph.relation(model)} where false)"
        changed = model in set(graph.conformed())
        instead[graph.relation(model)] = graph.touched(model) if changed else empty
    _table(
        session,
        "changed_identifiers",
        (
            "select distinct identifier_type, identifier_value "
            f"from ({graph.query('int_identifiers_normalised', instead)}) as normalised "
            f"where coalesce(refusal_reason, '') not in {_WORTHLESS} "
            "union select identifier_type, identifier_value "
            f"from {graph.relation('int_identifiers_normalised')} "
            f"where coalesce(refusal_reason, '') not in {_WORTHLESS} "
            f"and {of_records('changed_records')}"
        ),
    )


def _closed(nodes: str, drafts: str) -> str:
    """Return the nodes, and all others of their components."""
    return (
        f"select node_id from {SETS}.{nodes} union select node_id from {drafts} "
        f"where component_id in (select component_id from {drafts} "
        f"where node_id in (select node_id from {SETS}.{nodes}))"
    )


def _sharing(circle: str, evidence: str) -> str:
    """Return a circle's nodes, and the records that carry a contested identifier of its records."""
    return (
        f"select node_id from {SETS}.{circle} union "
        f"select record_node from {evidence} where identifier_node in ("
        f"select identifier_node from {evidence} "
        f"where record_node in (select node_id from {SETS}.{circle}) "
        f"and identifier_node in (select identifier_node from {SETS}.contested) "
        f"and coalesce(refusal_reason, '') not in {_WORTHLESS})"
    )


def _people_before(graph: Graph, session: Session) -> None:
    evidence = graph.relation("int_identity_evidence")
    for number in (2, 3):
        _table(
            session,
            f"records_{number}",
            (
                f"select distinct source_name, source_id from {evidence} "
                f"where record_node in (select node_id from {SETS}.circle_{number}) "
                f"union select source_name, source_id from {SETS}.changed_records"
            ),
        )
    _table(
        session,
        "people_before",
        (
            f"select person_id from {graph.relation('person_records')} "
            f"where {of_records('records_2')} "
            f"union select person_id from {graph.relation('identities')} "
            f"where {of_nodes('circle_2')}"
        ),
    )


def _carts(graph: Graph, session: Session, due: Mapping[str, str]) -> None:
    """Carts that the touched have a hand in, with everybody else who has one."""
    by_record = [
        f"select cart_id, person_id from {graph.relation(model)} "
        f"inner join {graph.relation('person_records')} using (source_name, source_id) "
        "where cart_id is not null"
        for model in (*graph.staging("checkouts"), *graph.staging("orders"))
    ]
    _table(
        session,
        "cart_people",
        " union ".join(
            [
                f"select cart_id, person_id from {graph.relation('int_events_attributed')} "
                "where cart_id is not null",
                *by_record,
            ]
        ),
    )
    changed = [
        f"select cart_id from {graph.touched(model)}"
        for model in graph.conformed()
        if graph.entity(model) == "events"
    ]
    _table(
        session,
        "carts",
        (
            f"select cart_id from {SETS}.cart_people "
            f"where {of_people('people_before')} "
            f"union select cart_id from ({' union '.join(changed)}) as seen "
            "where cart_id is not null "
            f"union select cart_id from {graph.relation('carts')} where {due.get('carts', '1 = 0')}"
        ),
    )


def _add_partners(graph: Graph, session: Session) -> bool:
    """Add those to the seeds who share a cart with the touched. Returns whether there are any."""
    _table(
        session,
        "partners",
        (
            f"select distinct person_id from {SETS}.cart_people "
            f"where cart_id in (select cart_id from {SETS}.carts) and person_id is not null "
            f"and person_id not in (select person_id from {SETS}.people_before)"
        ),
    )
    [(partners,)] = session.rows(f"select count(*) from {SETS}.partners")
    session.execute(
        f"insert into {SETS}.seeds select {_NODE} from {graph.relation('identities')} "
        f"where {of_people('partners')}"
    )
    return bool(partners)


def _events(graph: Graph, session: Session) -> None:
    """Events of the touched, of their carts, and of nobody on the devices of either."""
    known = graph.relation("int_events_attributed")
    models = [model for model in graph.conformed() if graph.entity(model) == "events"]
    changed = " union all ".join(
        f"select event_id, anonymous_id, user_id from {graph.touched(model)} union all "
        f"select event_id, anonymous_id, user_id from {graph.relation(model)} "
        f"where source_id in (select source_id from {CHANGED}.{model})"
        for model in models
    )
    of_carts = (
        f"select event_id, anonymous_id, user_id from {known} "
        f"where person_id is null and cart_id in (select cart_id from {SETS}.carts)"
    )
    _table(session, "changed_events", f"{changed} union all {of_carts}")
    _table(
        session,
        "events",
        (
            f"select event_id from {SETS}.changed_events union select event_id from {known} "
            f"where {of_people('people_before')} "
            f"or cart_id in (select cart_id from {SETS}.carts) "
            "or (person_id is null and ("
            f"trim(anonymous_id) in (select trim(anonymous_id) from {SETS}.changed_events) "
            f"or trim(user_id) in (select trim(user_id) from {SETS}.changed_events)))"
        ),
    )


def _table(session: Session, name: str, query: str) -> None:
    session.execute(f"create or replace table {SETS}.{name} as {query}")
