"""The project in small: every model on the path, built of the touched people's rows alone.

The SQL is that of the full build, word for word; only the relations it reads are others. Staging is
narrowed to what is about the touched; what is about nobody (exchange rates, accounts) is read as it
stands. Since nothing that a model says of a person depends on untouched people, the rows come out
as in a full build; a model of which that is not true says so in its YAML, by `reads_whole`.
"""

from __future__ import annotations

from orchestration.increment.graph import Graph, Node
from orchestration.increment.session import TOUCHED, Session
from orchestration.increment.sets import SETS, of_carts, of_nodes, of_people, of_records

_RECORD = of_records("records_3")
_CART = of_carts("carts")
_OF_AN_EVENT = f"order_id in (select event_order_id from {SETS}.event_orders)"
_TOUCHED = of_people("people_after")
_OF_A_CONTACT = f"contact_id in (select contact_id from {SETS}.contacts)"
_OF_AN_ORDER = f"order_id in (select order_id from {SETS}.orders)"

# How the rows of an entity belong to the touched. An entity that is not here is read whole.
BELONGING = {
    "identifiers": _RECORD,
    "attributes": _RECORD,
    "consents": _RECORD,
    "contacts": _RECORD,
    "leads": _RECORD,
    "orders": f"({_RECORD} or {_CART} or {_OF_AN_EVENT})",
    "checkouts": f"({_RECORD} or {_CART})",
    "order_lines": _OF_AN_ORDER,
    "returns": f"({_RECORD} or {_OF_AN_ORDER})",
    "events": f"event_id in (select event_id from {SETS}.events)",
    "email_events": "(source_name, member_source_id) in "
    f"(select (source_name, source_id) from {SETS}.records_3)",
    "tickets": "(source_name, requester_source_id) in "
    f"(select (source_name, source_id) from {SETS}.records_3)",
    "activities": _OF_A_CONTACT,
    "tasks": _OF_A_CONTACT,
    "campaign_members": _OF_A_CONTACT,
    "deals": f"primary_contact_id in (select contact_id from {SETS}.contacts)",
    "deal_stages": f"deal_id in (select deal_id from {SETS}.deals)",
}
# Sets of keys that others belong by, each from the rows of entities that belong by themselves.
_KEYS = {
    "event_orders": {"events": "order_id"},
    "orders": {"orders": "order_id"},
    "contacts": {"contacts": "contact_id", "leads": "lead_id"},
    "deals": {"deals": "deal_id"},
}
# Rows of theirs may be nobody's, or somebody's who is only there to judge the touched by.
UNSCOPED = frozenset(
    {
        "int_identifiers_normalised",
        "int_person_ids_resolved",
        "int_events_attributed",
        "events",
        "sessions",
        "int_carts_touched",
        "int_carts_converted",
        "carts",
        "cart_items",
        "int_orders_attributed",
        "orders",
        "int_person_ids_registered",
        "int_suppressions_resolved",
        "suppressions",
        "int_consents_resolved",
        "consents",
    }
)


def build(graph: Graph, session: Session, kept: frozenset[str]) -> list[str]:
    """Build the path among what is touched; return its models.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging and the sets are.
        kept: models whose rows stay those of the last full build.
    """
    mirror = _Mirror(graph, session)
    path = [name for name in graph.path if name not in kept]
    for name in path:
        mirror.build(name)
    return path


class _Mirror:
    def __init__(self, graph: Graph, session: Session) -> None:
        self._graph = graph
        self._session = session
        self._changed = set(graph.conformed())
        self._instead: dict[str, str] = {}
        for schema in {node["schema"] for node in graph.by_name.values()}:
            session.execute(f"create schema if not exists {TOUCHED}.{schema}")
        for name, entities in _KEYS.items():
            parts = [
                f"select {key} as {name[:-1]}_id from {self._narrowed(model)}"
                for entity, key in entities.items()
                for model in graph.staging(entity)
            ]
            session.execute(f"create table {SETS}.{name} as {' union '.join(parts)}")

    def build(self, name: str) -> None:
        node = self._graph.by_name[name]
        for parent in self._graph.parents(name):
            self._prepare(parent)
        table = self._graph.touched(name)
        materialized = node["config"]["materialized"]
        query = self._graph.rewritten(self._sql(node), self._reading(node))
        is_scoped = name not in UNSCOPED and self._graph.relation(name) in self._session.of_people()
        if materialized not in ("table", "view", "incremental"):
            assert not is_scoped
            self._session.materialise(node["unique_id"], query)
        elif is_scoped:
            self._session.execute(
                f"create table {table} as select * from ({query}\n) as scoped where {_TOUCHED}"
            )
        else:
            self._session.execute(f"create table {table} as {query}")
        self._instead[node["relation_name"]] = table
        if name == "int_identity_evidence":
            self._note_nodes()
        elif name == "int_person_ids_registered":
            self._instead[node["relation_name"]] = self._registry(table)
        elif name == "int_person_ids_resolved":
            self._note_people()

    def _sql(self, node: Node) -> str:
        if node["config"]["materialized"] == "incremental":
            return self._session.compiled(node["unique_id"])
        return str(node["compiled_code"])

    def _reading(self, node: Node) -> dict[str, str]:
        """Return what a model reads instead of the warehouse's relations."""
        instead = dict(self._instead)
        if node["config"]["materialized"] == "incremental":
            instead[node["relation_name"]] = self._memory(node)
        for name in node["config"].get("meta", {}).get("reads_whole", []):
            instead[self._graph.relation(name)] = self._whole(name)
        return instead

    def _prepare(self, name: str) -> None:
        """Narrow a staging model that is about people."""
        relation = self._graph.relation(name)
        if relation in self._instead or self._graph.by_name[name]["fqn"][1] != "staging":
            return
        entity = self._graph.entity(name)
        if entity in BELONGING:
            self._instead[relation] = self._narrowed(name)

    def _narrowed(self, name: str) -> str:
        """Return a staging model's rows that belong to the touched, as a relation."""
        table = f"{TOUCHED}.staging.narrowed_{name}"
        entity = self._graph.entity(name)
        assert entity is not None
        belongs = BELONGING[entity]
        query = f"select * from {self._graph.relation(name)} where {belongs}"
        if name in self._changed:
            query += (
                f" and source_id not in (select source_id from {TOUCHED}.changed.{name}) "
                f"union all select * from {self._graph.touched(name)}"
            )
        self._session.execute(f"create table if not exists {table} as {query}")
        return table

    def _memory(self, node: Node) -> str:
        """Return the registry's rows of all identifiers and ids that the touched ever had.

        The row of the latest generation comes along, so that the next one is known.
        """
        standing = node["relation_name"]
        grouped = self._graph.touched("int_identifiers_grouped")
        self._session.execute(
            f"create or replace table {SETS}.ids as "
            f"select distinct person_id from {standing} "
            f"where identifier_key in (select identifier_key from {grouped})"
        )
        self._session.execute(
            f"create or replace table {SETS}.keys as "
            f"select identifier_key from {standing} "
            f"where person_id in (select person_id from {SETS}.ids) "
            f"union select person_id from {SETS}.ids union select identifier_key from {grouped}"
        )
        self._session.execute(
            f"create or replace table {SETS}.memory as select * from {standing} "
            f"where identifier_key in (select identifier_key from {SETS}.keys) union all "
            f"(select * from {standing} "
            f"where identifier_key not in (select identifier_key from {SETS}.keys) "
            f"order by generation desc limit 1)"
        )
        return f"{SETS}.memory"

    def _note_nodes(self) -> None:
        """Note the nodes of the graph that are touched: what the second circle comes to."""
        evidence = self._graph.touched("int_identity_evidence")
        touched = of_records("records_2")
        self._session.execute(
            f"create table {SETS}.nodes as select node_id from {SETS}.circle_2 "
            f"union select record_node from {evidence} where {touched} "
            f"union select identifier_node from {evidence} "
            f"where {touched} and refusal_reason is null"
        )

    def _registry(self, news: str) -> str:
        """Return the registry with the news of the touched; those of others are none."""
        grouped = self._graph.touched("int_identifiers_grouped")
        standing = self._graph.relation("int_person_ids_registered")
        self._session.execute(
            f"create table {SETS}.touched_keys as select identifier_key from {grouped} "
            f"where {of_nodes('nodes')} "
            f"union select identifier_key from {self._graph.relation('int_identifiers_grouped')} "
            f"where {of_nodes('nodes')} "
            f"union select identifier_key from {standing} "
            f"where {of_people('people_before')}"
        )
        self._session.execute(
            f"delete from {news} "
            f"where identifier_key not in (select identifier_key from {SETS}.touched_keys)"
        )
        self._session.execute(
            f"create table {SETS}.registry as "
            f"select * from {SETS}.memory union all select * from {news}"
        )
        return f"{SETS}.registry"

    def _note_people(self) -> None:
        """Note who the touched are now."""
        self._session.execute(
            f"create table {SETS}.people_after as select distinct current_person_id as person_id "
            f"from {self._graph.touched('int_person_ids_resolved')} "
            f"inner join {self._graph.touched('int_identifiers_grouped')} using (component_id) "
            f"where {of_nodes('nodes')}"
        )

    def _whole(self, name: str) -> str:
        """Return all rows of a model, those of the touched as they are now."""
        key = self._graph.by_name[name]["primary_key"][0]
        touched, standing = self._graph.touched(name), self._graph.relation(name)
        return (
            f"(select * from {touched} union all select * from {standing} "
            f"where {key} not in (select {key} from {touched}))"
        )
