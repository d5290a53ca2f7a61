"""The project in small: every model on the path, built of the touched people's rows alone.

The SQL is that of the full build, word for word; only the relations it reads are others. Staging is
narrowed to what is about the touched; what is about nobody (exchange rates, accounts) is read as it
stands. Since nothing that a model says of a person depends on untouched people, the rows come out
as in a full build; a model of which that is not true says so in its YAML, by `reads_whole`.

It is built in two steps. Who is who, and what follows from that alone, for those who are resolved
anew; then what follows from events and time, for all who are touched, upon the rows of the first
step and those that stand.
"""

from __future__ import annotations

from collections.abc import Collection

from orchestration.increment import registry, scopes
from orchestration.increment.graph import Graph, Node
from orchestration.increment.narrowing import Narrowing
from orchestration.increment.session import TOUCHED, Session
from orchestration.increment.sets import SETS, any_of, keys, make_set, of_carts, of_people

_BESIDE = f"{TOUCHED}.beside"
_FOLLOWING = "following"
_DEVICES = keys(f"{SETS}.devices", "device")
# Rows of theirs may be nobody's, or somebody's who is only there to judge the touched by.
_UNSCOPED = frozenset(
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
# What the second step reads of the first's models, where that is not the touched people's alone.
_ALSO_READ = {
    "int_identifiers_shared": "1 = 1",
    "int_devices_logged_in": f"anonymous_id in {_DEVICES}",
    "int_orders_attributed": of_carts("carts"),
    "orders": f"order_id in {keys(f'{SETS}.{_FOLLOWING}_event_orders', 'key')}",
}


class Mirror:
    """The touched rows of the path's models, beside the warehouse.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging are.
    """

    def __init__(self, graph: Graph, session: Session) -> None:
        self._graph = graph
        self._session = session
        self._identified: frozenset[str] = frozenset()
        self._is_following = False
        # By relation, what the step at work reads in its place.
        self._instead: dict[str, str] = {}
        for schema in {node["schema"] for node in graph.by_name.values()}:
            session.execute(f"create schema if not exists {TOUCHED}.{schema}")

    def resolve(self, names: Collection[str]) -> None:
        """Build the first step, for those whose records are in the circles."""
        self._narrowing = Narrowing(
            self._graph, self._session, "resolving", "records_3", has_events=False
        )
        for name in names:
            self._build(name)
        scopes.delimit_identities(self._graph, self._session)
        self._identified = frozenset(names)

    def follow(self, names: Collection[str]) -> None:
        """Build the second step, for the sets of people, carts and events."""
        self._instead = {}
        make_set(
            self._session,
            "records",
            "select source_name, source_id from "
            f"({self.now('person_records', of_people('people'))}) as records",
        )
        self._narrowing = Narrowing(
            self._graph, self._session, _FOLLOWING, "records", has_events=True
        )
        scopes.delimit_events(self._graph, self._session)
        self._narrowing.keys("event_orders")
        devices = [
            f"select trim(anonymous_id) as device from {self._narrowing.of(model)}"
            for model in self._graph.staging("events")
        ]
        make_set(self._session, "devices", " union ".join(devices))
        self._is_following = True
        for name in names:
            self._build(name)
        scopes.delimit_sessions(self._graph, self._session)

    def now(self, name: str, *rows: str) -> str:
        """Return a query of a model's rows of the first step, and of all others as they stand.

        Of the ``rows`` that meet any of these conditions, if there are any.
        """
        relation, wanted = self._graph.relation(name), " or ".join(rows) or "1 = 1"
        found = any_of(self._session, f"rows_{name}", relation, rows) if rows[1:] else wanted
        standing = f"select * from {relation} where {found}"
        gone = scopes.gone(self._graph, self._session, name)
        if name not in self._identified or gone is None:
            return standing
        come = scopes.come(self._graph, self._session, name)
        return (
            f"{standing} and ({gone}) is not true union all by name "
            f"select * from {self._graph.touched(name)} "
            f"where {come} and ({wanted})"
        )

    def _build(self, name: str) -> None:
        node = self._graph.by_name[name]
        table = self._graph.touched(name)
        query = self._graph.rewritten(self._sql(node), self._reading(name))
        is_scoped = (
            name not in _UNSCOPED and self._graph.relation(name) in self._session.of_people()
        )
        if node["config"]["materialized"] not in ("table", "view", "incremental"):
            assert not is_scoped
            self._session.materialise(node["unique_id"], query)
        elif is_scoped:
            self._session.execute(
                f"create table {table} as select * from ({query}\n) as scoped "
                f"where {of_people('people' if self._is_following else 'identified_after')}"
            )
        else:
            self._session.execute(f"create table {table} as {query}")
        self._instead[node["relation_name"]] = table
        if name == "int_identity_evidence":
            registry.note_nodes(self._graph, self._session)
        elif name == registry.REGISTRY:
            self._instead[node["relation_name"]] = registry.registered(self._graph, self._session)
        elif name == "int_person_ids_resolved":
            registry.note_people(self._graph, self._session)

    def _sql(self, node: Node) -> str:
        if node["config"]["materialized"] == "incremental":
            return self._session.compiled(node["unique_id"])
        return str(node["compiled_code"])

    def _reading(self, name: str) -> dict[str, str]:
        """Return what a model reads instead of the warehouse's relations."""
        for read in self._graph.reads(name):
            self._prepare(read)
        instead = dict(self._instead)
        if name == registry.REGISTRY:
            relation = self._graph.relation(name)
            instead[relation] = registry.memory(self._graph, self._session)
        for whole in self._graph.meta(name, "reads_whole"):
            instead[self._graph.relation(whole)] = self._whole(whole)
        return instead

    def _prepare(self, name: str) -> None:
        """Narrow what is about people: a staging model, or one that the step does not build."""
        relation = self._graph.relation(name)
        if relation in self._instead:
            return
        if self._graph.by_name[name]["fqn"][1] == "staging":
            narrowed = self._narrowing.of(name)
        else:
            narrowed = self._beside(name)
        if narrowed:
            self._instead[relation] = narrowed

    def _beside(self, name: str) -> str | None:
        """Return the touched people's rows of a model of the first step, as a relation."""
        if not self._is_following or name not in self._graph.path:
            return None
        also = _ALSO_READ.get(name)
        if self._graph.relation(name) in self._session.of_people():
            rows = [of_people("people")] + ([also] if also else [])
        elif also:
            rows = [also]
        else:
            return None
        table = f"{_BESIDE}.{name}"
        self._session.execute(f"create table {table} as {self.now(name, *rows)}")
        return table

    def _whole(self, name: str) -> str:
        """Return all rows of a model, those of the touched as they are now."""
        relation = self._graph.relation(name)
        if self._instead.get(relation) != self._graph.touched(name):
            return f"({self.now(name)})"
        key = self._graph.key(name)[0]
        touched = self._graph.touched(name)
        return (
            f"(select * from {touched} union all select * from {relation} "
            f"where {key} not in (select {key} from {touched}))"
        )
