"""The registry of person ids, for those who are resolved anew: what it knows, and what is news."""

from __future__ import annotations

from orchestration.increment.graph import Graph
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS, keys, make_set, of_nodes, of_people, of_records

REGISTRY = "int_person_ids_registered"


def note_nodes(graph: Graph, session: Session) -> None:
    """Note the nodes of the graph that are resolved anew: what the second circle comes to."""
    evidence = graph.touched("int_identity_evidence")
    touched = of_records("records_2")
    make_set(
        session,
        "nodes",
        f"select node_id from {SETS}.circle_2 "
        f"union select record_node from {evidence} where {touched} "
        f"union select identifier_node from {evidence} "
        f"where {touched} and refusal_reason is null",
    )


def memory(graph: Graph, session: Session) -> str:
    """Return the registry's rows of all identifiers and ids that the touched ever had.

    The row of the latest generation comes along, so that the next one is known.
    """
    standing, grouped = graph.relation(REGISTRY), graph.touched("int_identifiers_grouped")
    make_set(
        session,
        "ids",
        f"select distinct person_id from {standing} "
        f"where identifier_key in {keys(grouped, 'identifier_key')}",
    )
    make_set(
        session,
        "keys",
        f"select identifier_key from {standing} "
        f"where {of_people('ids')} "
        f"union select person_id from {SETS}.ids union select identifier_key from {grouped}",
    )
    make_set(
        session,
        "memory",
        f"select * from {standing} "
        f"where identifier_key in {keys(f'{SETS}.keys', 'identifier_key')} union all "
        f"(select * from {standing} "
        f"where identifier_key not in (select identifier_key from {SETS}.keys) "
        "order by generation desc limit 1)",
    )
    return f"{SETS}.memory"


def registered(graph: Graph, session: Session) -> str:
    """Return the registry with the news of the touched; those of others are none."""
    grouped, news = graph.touched("int_identifiers_grouped"), graph.touched(REGISTRY)
    make_set(
        session,
        "touched_keys",
        f"select identifier_key from {grouped} where {of_nodes('nodes')} "
        f"union select identifier_key from {graph.relation('int_identifiers_grouped')} "
        f"where {of_nodes('nodes')} "
        f"union select identifier_key from {graph.relation(REGISTRY)} "
        f"where {of_people('identified_before')}",
    )
    session.execute(
        f"delete from {news} "
        f"where identifier_key not in (select identifier_key from {SETS}.touched_keys)"
    )
    make_set(session, "registry", f"select * from {SETS}.memory union all select * from {news}")
    return f"{SETS}.registry"


def note_people(graph: Graph, session: Session) -> None:
    """Note who those are now who were resolved anew."""
    make_set(
        session,
        "identified_after",
        "select distinct current_person_id as person_id "
        f"from {graph.touched('int_person_ids_resolved')} "
        f"inner join {graph.touched('int_identifiers_grouped')} using (component_id) "
        f"where {of_nodes('nodes')}",
    )
