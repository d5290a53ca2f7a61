"""The graph of people as the warehouse holds it: finding nodes in it, and the evidence at them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from reverse_etl.contract.manifest import Manifest, Relation
from reverse_etl.conversation.identifiers import e164, text
from reverse_etl.errors import SeamlineError
from reverse_etl.identity.evidence import RECORD, Change, Evidence, Hint, Node
from reverse_etl.identity.masking import mask
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

# Matches come after every identifier, the likelier the earlier, as does what is of no known type.
_MATCH_STRENGTH = 1000.0


class NotInTheGraphError(SeamlineError):
    """What was asked for is on no record, or is more than one thing."""


class Graph:
    """Reads what dbt built; every method is one or two statements."""

    def __init__(self, warehouse: Warehouse, manifest: Manifest) -> None:
        self._warehouse = warehouse
        self._edges = self._built(manifest, "int_identity_edges", "intermediate")
        self._components = self._built(manifest, "int_identity_components", "intermediate")
        self._identities = self._built(manifest, "identities", "marts")
        self._changes = self._built(manifest, "identity_changes", "marts")
        self._decisions = manifest.relation_named("identity_decisions", "reference")
        # Only there where probabilistic evidence is switched on.
        matches = manifest.model("int_matches_judged")
        self._matches = manifest.relation(matches) if matches else None
        self._attributes = manifest.relation_named("int_attributes_attributed", "intermediate")

    def find(self, asked: str) -> Node:
        """Return the node that somebody means by ``asked``.

        An identifier as it was written or normalised, with its type before a colon or without;
        ``crm/contact/17`` or ``contact/17`` for a record; a ``person_id`` for what it stands on.

        Raises:
            NotInTheGraphError: there is none, or there are several.
        """
        kind, colon, rest = asked.strip().partition(":")
        is_typed = bool(colon and re.fullmatch(r"[a-z_]+", kind))
        nodes = self._found(kind, rest.strip()) if is_typed else []
        nodes = nodes or self._found(None, asked.strip())
        shown = mask(rest if is_typed else asked.strip())
        if not nodes:
            raise NotInTheGraphError(
                f"{shown} is on no accepted record. Check how it is written, that "
                "it has landed (`seamline load`), and that the models were built since."
            )
        if len(nodes) > 1:
            types = sorted({node.type for node in nodes})
            choice = (
                "write " + " or ".join(f"{each}:…" for each in types)
                if len(types) > 1
                else "write a record with its source before it: source/table/key"
            )
            raise NotInTheGraphError(f"{shown} is {len(nodes)} different things; {choice}.")
        return nodes[0]

    def component(self, node: Node) -> str | None:
        """Return the component that a node is in; none where all its evidence was refused."""
        rows = self._warehouse.rows(
            f"select component_id from {self._components} where node_id = {literal(node)}"
        )
        return str(rows[0][0]) if rows else None

    def person(self, component: str) -> str | None:
        """Return the ``person_id`` of a component; none where it holds no identifier."""
        rows = self._warehouse.rows(f"""
            select identities.person_id
            from {self._identities} as identities
            inner join {self._components} as components
                on identities.identifier_type || ':' || identities.identifier_value
                    = components.node_id
            where components.component_id = {literal(component)}
            limit 1
        """)
        return str(rows[0][0]) if rows else None

    def side(self, node: Node) -> str:
        """Return a query for the records on a node's side: those of its component, if it has one.

        A record that carries nothing accepted stands alone; an identifier that is refused
        everywhere has no side of its own.
        """
        component = self.component(node)
        if component is not None:
            return f"""
                select node_id from {self._components}
                where component_id = {literal(component)} and node_id like '{RECORD}:%'
            """
        return f"select {literal(node if node.is_record else None)} as node_id"

    def evidence(self, side: str) -> list[Evidence]:
        """Return all evidence on the records of a side, the refused too, and what humans linked."""
        edges = self._carried(f"record_node in ({side})")
        nodes = {end for edge in edges for end in edge.ends}
        return edges + self._linked(nodes) + self._matched(side)

    def carriers(self, node: Node) -> list[Evidence]:
        """Return the evidence at one node: each record that carries it, or all that it carries."""
        column = "record_node" if node.is_record else "identifier_node"
        return self._carried(f"{column} = {literal(node)}")

    def hints(self, one: str, other: str) -> list[Hint]:
        """Return what records of both persons say of themselves."""
        if not self._exists(self._attributes):
            return []
        rows = self._warehouse.rows(f"""
            select distinct ones.attribute_name, ones.attribute_value
            from {self._attributes} as ones
            inner join {self._attributes} as others
                on ones.attribute_name = others.attribute_name
                and lower(ones.attribute_value) = lower(others.attribute_value)
            where ones.person_id = {literal(one)} and others.person_id = {literal(other)}
        """)
        return [Hint(str(name), str(value)) for name, value in sorted(rows)]

    def changes(self, person_id: str) -> list[Change]:
        """Return what became of a person's id and of those that merged into it, oldest first."""
        rows = self._warehouse.rows(f"""
            select change, person_id, to_person_id, effective_at, recorded_at
            from {self._changes}
            where person_id = {literal(person_id)} or to_person_id = {literal(person_id)}
            order by recorded_at, effective_at, sequence, person_id
        """)
        return [Change(str(row[0]), str(row[1]), str(row[2]), row[3], row[4]) for row in rows]

    def current_person(self, person_id: str) -> str | None:
        """Return the person that an id ever given out stands for today; none where it never was."""
        rows = self._warehouse.rows(f"""
            select to_person_id from {self._changes}
            where person_id = {literal(person_id)}
            order by sequence desc limit 1
        """)
        return str(rows[0][0]) if rows else None

    def node_of_person(self, person_id: str) -> Node | None:
        """Return one identifier of a person, the one seen first."""
        rows = self._warehouse.rows(f"""
            select identifier_type, identifier_value, first_seen_at from {self._identities}
            where person_id = {literal(person_id)}
        """)
        firsts = sorted(rows, key=lambda row: (row[2] is None, str(row[2]), row[0], row[1]))
        return Node(str(firsts[0][0]), str(firsts[0][1])) if firsts else None

    def _found(self, kind: str | None, asked: str) -> list[Node]:
        if kind == "person" or (kind is None and re.fullmatch(r"[0-9a-f]{32}", asked)):
            current = self.current_person(asked)
            node = self.node_of_person(current) if current else None
            if node:
                return [node]
        conditions = []
        if kind != RECORD:
            of_type = f" and identifier_type = {literal(kind)}" if kind else ""
            conditions.append(f"""
                select distinct identifier_node from {self._edges}
                where identifier_value in ({_list(_spellings(asked))}){of_type}
            """)
        if kind in (None, RECORD):
            conditions.append(f"""
                select distinct record_node from {self._edges}
                where source_id = {literal(asked)}
                    or source_name || '/' || source_id = {literal(asked)}
            """)
        rows = self._warehouse.rows(" union ".join(conditions))
        return sorted(Node.parse(str(row[0])) for row in rows)

    def _carried(self, condition: str) -> list[Evidence]:
        rows = self._warehouse.rows(f"""
            select
                record_node, identifier_node, coalesce(priority, {_MATCH_STRENGTH}),
                refusal_reason, observed_at, last_observed_at, loaded_at
            from {self._edges}
            where {condition}
        """)
        found = [
            Evidence(Node.parse(row[0]), Node.parse(row[1]), "carries", float(row[2]), *row[3:])
            for row in rows
        ]
        # Not in SQL: engines order text differently.
        return sorted(found, key=lambda edge: edge.ends)

    def _linked(self, nodes: Collection[Node]) -> list[Evidence]:
        """Return the links that humans decided on, between nodes of the graph."""
        rows = self._warehouse.rows(
            "select left_type, left_value, right_type, right_value "
            f"from {self._decisions} where action = 'link'"
        )
        links = []
        for left_type, left_value, right_type, right_value in rows:
            left = _among(nodes, left_type, left_value)
            right = _among(nodes, right_type, right_value)
            if left and right:
                links.append(Evidence(left, right, "linked", 0.0))
        return links

    def _matched(self, side: str) -> list[Evidence]:
        if self._matches is None:
            return []
        rows = self._warehouse.rows(f"""
            select left_node, right_node, probability, refusal_reason
            from {self._matches}
            where left_node in ({side}) or right_node in ({side})
            order by left_node, right_node
        """)
        return [
            Evidence(
                Node.parse(left),
                Node.parse(right),
                "matched",
                _MATCH_STRENGTH + 1 - probability,
                refusal_reason,
                probability=probability,
            )
            for left, right, probability, refusal_reason in rows
        ]

    def _exists(self, relation: Relation) -> bool:
        return bool(self._warehouse.columns(relation))

    def _built(self, manifest: Manifest, name: str, schema: str) -> Relation:
        relation = manifest.relation_named(name, schema)
        if not self._exists(relation):
            raise SeamlineError(f"{relation} is not in the warehouse; build the project first.")
        return relation


def _spellings(asked: str) -> set[str]:
    """Return the forms under which the graph may know what somebody typed."""
    plain = text(asked)
    forms = (asked, plain, plain.lower(), e164(plain))
    return {form for form in forms if form}


def _among(nodes: Collection[Node], kind: str, value: str) -> Node | None:
    return next((n for n in (Node(kind, s) for s in _spellings(value)) if n in nodes), None)


def _list(values: Iterable[str]) -> str:
    """Return what stands in the brackets of an ``in``; of no values, what equals nothing."""
    return ", ".join(literal(value) for value in sorted(values)) or "null"
