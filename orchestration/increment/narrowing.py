"""Staging, narrowed to the rows that belong to some records, their carts, events and orders."""

from __future__ import annotations

from orchestration.increment.graph import Graph
from orchestration.increment.landed import of_changed
from orchestration.increment.session import TOUCHED, Session
from orchestration.increment.sets import SETS, any_of, keys, make_set, of_carts, of_records

# How the rows of an entity belong to somebody. An entity that is not here is read whole.
_BELONGING = {
    "identifiers": "{record}",
    "attributes": "{record}",
    "consents": "{record}",
    "contacts": "{record}",
    "leads": "{record}",
    "orders": "{record} or {cart} or order_id in {event_orders}",
    "checkouts": "{record} or {cart}",
    "order_lines": "order_id in {orders}",
    "returns": "{record} or order_id in {orders}",
    # A visitor's events lie together.
    "events": "anonymous_id in {devices} and event_id in {events} "
    "or anonymous_id is null and event_id in {events}",
    "email_events": "member_source_id in {ids} and (source_name, member_source_id) in {records}",
    "tickets": "requester_source_id in {ids} and (source_name, requester_source_id) in {records}",
    "activities": "contact_id in {contacts}",
    "tasks": "contact_id in {contacts}",
    "campaign_members": "contact_id in {contacts}",
    "deals": "primary_contact_id in {contacts}",
    "deal_stages": "deal_id in {deals}",
}
_OF_RECORDS = frozenset({"{record}", _BELONGING["email_events"], _BELONGING["tickets"]})
# Sets of keys that others belong by, each from the rows of entities that belong by themselves.
_KEYS = {
    "event_orders": {"events": "order_id"},
    "orders": {"orders": "order_id"},
    "contacts": {"contacts": "contact_id", "leads": "lead_id"},
    "deals": {"deals": "deal_id"},
}


class Narrowing:
    """Staging for one purpose.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging are.
        purpose: the name that its relations get.
        records: the set of the records that rows belong to.
        has_events: whether rows belong by the sets of carts and events too, or by records alone.
    """

    def __init__(
        self, graph: Graph, session: Session, purpose: str, records: str, *, has_events: bool
    ) -> None:
        self._graph = graph
        self._session = session
        self._purpose = purpose
        self._records = records
        self._has_events = has_events
        self._changed = set(graph.conformed())
        self._made: dict[str, str] = {}
        found = session.rows(f"select distinct source_name from {SETS}.{records}")
        self._sources = {source_name for (source_name,) in found}
        session.execute(f"create schema if not exists {TOUCHED}.{purpose}")

    def of(self, name: str) -> str | None:
        """Return the relation of a staging model's rows that belong; None: it is read whole."""
        if name in self._made:
            return self._made[name]
        entity = self._graph.entity(name)
        if entity not in _BELONGING:
            return None
        table = f"{TOUCHED}.{self._purpose}.{name}"
        query = f"select * from {self._graph.relation(name)} where {self._belongs(name, entity)}"
        if name in self._changed:
            query += (
                f" and not {of_changed(name)} union all select * from {self._graph.touched(name)}"
            )
        self._session.execute(f"create table {table} as {query}")
        self._made[name] = table
        return table

    def _belongs(self, name: str, entity: str) -> str:
        belonging = _BELONGING[entity]
        if belonging in _OF_RECORDS and not any(
            name.startswith(f"stg_{source}__") for source in self._sources
        ):
            return "1 = 0"  # a source tells of its own records alone
        words = {
            "ids": keys(f"{SETS}.{self._records}", "source_id"),
            "records": f"(select (source_name, source_id) from {SETS}.{self._records})",
            "record": of_records(self._records),
            "cart": "1 = 0",
            "events": "(select cast(null as text) where 1 = 0)",
            "devices": "(select cast(null as text) where 1 = 0)",
        }
        if self._has_events:
            words["cart"] = of_carts("carts")
            words["events"] = keys(f"{SETS}.events", "event_id")
            words["devices"] = keys(f"{SETS}.events", "anonymous_id")
        for kind in _KEYS:
            if f"{{{kind}}}" in belonging:
                words[kind] = self.keys(kind)
        looks = [look.format(**words) for look in belonging.split(" or ")]
        if len(looks) == 1:
            return looks[0]
        relation = self._graph.relation(name)
        return any_of(self._session, f"{self._purpose}_{name}", relation, looks)

    def keys(self, kind: str) -> str:
        """Return a query of the keys of what belongs: of orders, contacts, deals."""
        made = f"{self._purpose}_{kind}"
        if made not in self._made:
            parts = [
                f"select {key} as key from {self.of(model)}"
                for entity, key in _KEYS[kind].items()
                for model in self._graph.staging(entity)
            ]
            make_set(self._session, made, " union ".join(parts))
            self._made[made] = keys(f"{SETS}.{made}", "key")
        return self._made[made]
