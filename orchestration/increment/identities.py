"""Whose identity may come out otherwise: whom the changed records have to do with.

Three circles of nodes, each closed under the components of the graph of people. The first holds
what carries an identifier of a changed record. The second adds those who share an identifier that
is refused for people of the first: whether it is shared or too common is judged by all of them.
They are resolved anew. The third is there to judge the second by, and is not computed for itself.
"""

from __future__ import annotations

from orchestration.increment.graph import Graph
from orchestration.increment.landed import BEFORE
from orchestration.increment.session import Session
from orchestration.increment.sets import (
    NODE,
    RECORD_NODE,
    SETS,
    is_empty,
    keys,
    make_set,
    none,
    of_nodes,
    of_records,
)

# These say something of the value alone, and bring nobody into connection with anybody.
_WORTHLESS = "('invalid', 'blocked', 'out_of_scope')"
_IS_SHARED = f"coalesce(refusal_reason, '') not in {_WORTHLESS}"


def touch_identities(graph: Graph, session: Session) -> bool:
    """Build the sets of records, nodes and people to be resolved anew.

    Returns:
        Whether there are any: visitors whom the warehouse knows change nothing of who is who.
    """
    _changed_records(graph, session)
    make_set(session, "identified_before", none("person_id"))
    make_set(session, "identified_after", none("person_id"))
    make_set(session, "identified", none("person_id"))
    if is_empty(session, "changed_records"):
        return False
    _changed_identifiers(graph, session)
    _shared(graph, session)
    make_set(session, "circle_0", none("node_id"))
    make_set(session, "reached", _seeds(graph))
    for number in (1, 2, 3):
        _close(graph, session, number)
    for number in (2, 3):
        make_set(
            session,
            f"records_{number}",
            f"select * from {SETS}.changed_records union {_records_of(f'circle_{number}')}",
        )
    make_set(session, "identified_before", _people_of(graph))
    return True


def _changed_records(graph: Graph, session: Session) -> None:
    parts = [
        f"select source_name, source_id from {rows}"
        for model in graph.conformed("identifiers", "attributes")
        for rows in (graph.touched(model), f"{BEFORE}.{model}")
    ]
    make_set(session, "changed_records", " union ".join(parts))


def _changed_identifiers(graph: Graph, session: Session) -> None:
    """Identifiers of the changed records, as they are and as they were."""
    changing = set(graph.conformed("identifiers"))
    instead = {
        graph.relation(model): graph.touched(model)
        if model in changing
        else f"(select * from {graph.relation(model)} limit 0)"
        for model in graph.staging("identifiers")
    }
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


def _seeds(graph: Graph) -> str:
    """Return a query of the nodes that the first circle begins with."""
    return (
        f"select {RECORD_NODE} as node_id from {SETS}.changed_records "
        f"union select {NODE} from {SETS}.changed_identifiers "
        f"union select record_node from {graph.relation('int_identity_evidence')} "
        f"where identifier_node in {keys(f'{SETS}.changed_identifiers', NODE)}"
    )


def _close(graph: Graph, session: Session, number: int) -> None:
    """Build a circle of the one within, of what was reached and its components; reach further."""
    drafts, circle = graph.relation("int_identity_drafts"), f"circle_{number}"
    make_set(
        session,
        circle,
        f"select node_id from {SETS}.circle_{number - 1} "
        f"union select node_id from {SETS}.reached "
        f"union select node_id from {drafts} where component_id in ("
        f"select component_id from {drafts} where node_id in {keys(f'{SETS}.reached', 'node_id')})",
    )
    make_set(
        session,
        "reached",
        f"select distinct record_node as node_id from {SETS}.shared where identifier_node in ("
        f"select identifier_node from {SETS}.shared "
        f"where record_node in (select node_id from {SETS}.{circle})) "
        f"and record_node not in (select node_id from {SETS}.{circle})",
    )


def _records_of(circle: str) -> str:
    """Return a query of the records among a circle's nodes: a record's node says which it is."""
    return (
        "select split_part(substr(node_id, 8), '/', 1) as source_name, "
        "substr(node_id, 8 + strpos(substr(node_id, 8), '/')) as source_id "
        f"from {SETS}.{circle} where starts_with(node_id, 'record:')"
    )


def _people_of(graph: Graph) -> str:
    """Return a query of who has one of the second circle's nodes, as the warehouse knows them."""
    return (
        "select person_id from ("
        f"select person_id from {graph.relation('person_records')} where {of_records('records_2')} "
        f"union select person_id from {graph.relation('identities')} where {of_nodes('circle_2')}"
        ") as found where person_id is not null"
    )
