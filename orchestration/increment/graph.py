"""The models between landed events and the channels, in the order in which they are built."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from orchestration.increment.session import TOUCHED
from reverse_etl.errors import SeamlineError

Node = Mapping[str, Any]

# Sources of nothing but these can be taken up by what they touch: each row is about its own person.
EVENT_ENTITIES = frozenset({"events", "identifiers", "attributes"})
_INSTANT = re.compile(r"(cast\(')\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}(' as [a-z ]+\))", re.I)
_RELATION = re.compile(r'"[^"]+"\."[^"]+"\."[^"]+"')
_STAGING = re.compile(r"^stg_(?P<source>[a-z0-9]+)__(?P<entity>\w+)$")


class Graph:
    """A compiled manifest, read for what an increment computes.

    Args:
        manifest: as a full build published it.
        moment: the instant to compute for, in place of the build's.
    """

    def __init__(self, manifest: Mapping[str, Any], moment: datetime) -> None:
        self._nodes: dict[str, Node] = {
            unique_id: node
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] in ("model", "seed")
        }
        self._sources: Mapping[str, Node] = manifest["sources"]
        self._exposures = manifest["exposures"].values()
        self.moment = moment
        self.by_name = {node["name"]: node for node in self._nodes.values()}
        self.raw_tables = {
            unique_id: source
            for unique_id, source in self._sources.items()
            if self._is_of_events(source)
        }

    def relation(self, name: str) -> str:
        """Return a model's relation in the warehouse."""
        return str(self.by_name[name]["relation_name"])

    def touched(self, name: str) -> str:
        """Return the relation that holds a model's touched rows."""
        node = self.by_name[name]
        return f'"{TOUCHED}"."{node["schema"]}"."{node["alias"]}"'

    def query(self, name: str, instead: Mapping[str, str]) -> str:
        """Return a model's SQL for the instant, reading other relations ``instead`` of some."""
        return self.rewritten(str(self.by_name[name]["compiled_code"]), instead)

    def rewritten(self, sql: str, instead: Mapping[str, str]) -> str:
        """Return compiled SQL for the instant, reading other relations ``instead`` of some."""
        sql = _INSTANT.sub(rf"\g<1>{self.moment:%Y-%m-%d %H:%M:%S.%f}\g<2>", sql)
        if not instead:
            return sql
        names = "|".join(re.escape(relation) for relation in instead)
        return re.sub(names, lambda found: instead[found[0]], sql)

    def staging(self, entity: str) -> list[str]:
        """Return the staging models of an entity that the path reads, one for each source."""
        return [name for name in self._read_by_path if self.entity(name) == entity]

    @cached_property
    def _read_by_path(self) -> list[str]:
        read = {parent for name in self.path for parent in self.parents(name)}
        return sorted(name for name in read if self.by_name[name]["fqn"][1] == "staging")

    def entity(self, name: str) -> str | None:
        """Return the entity that a staging model has rows of; None for any other model."""
        found = _STAGING.match(name)
        return found["entity"] if found else None

    def raw_shaped(self) -> Iterator[tuple[Node, str]]:
        """Yield each raw table of events with the name of the staging model that judges it."""
        for unique_id, source in self.raw_tables.items():
            for node in self._nodes.values():
                if unique_id in node["depends_on"].get("nodes", []):
                    yield source, node["name"]

    def conformed(self, *entities: str) -> Iterator[str]:
        """Yield the staging models of sources of events that are read by others than staging.

        Of these ``entities``, if any are named.
        """
        sources = {
            source["source_name"].removeprefix("raw_") for source in self.raw_tables.values()
        }
        for entity in entities or ("events", "attributes", "identifiers"):
            for source in sorted(sources):
                if f"stg_{source}__{entity}" in self.by_name:
                    yield f"stg_{source}__{entity}"

    @cached_property
    def path(self) -> tuple[str, ...]:
        """Return the models above staging that events change and that a sync or a segment reads.

        Audience models come last: they read the segments without saying so in a ref.

        Raises:
            SeamlineError: one of them is not SQL: it looks at everybody at once.
        """
        below = self._below(set(self.raw_tables))
        wanted = {
            unique_id
            for exposure in self._exposures
            if exposure["config"].get("meta", {}).get("sync")
            for unique_id in exposure["depends_on"]["nodes"]
        }
        wanted |= {unique_id for unique_id, node in self._nodes.items() if is_segment(node)}
        found: list[str] = []
        ordered = sorted(wanted, key=lambda each: self._nodes[each]["fqn"][1] == "activation")
        for unique_id in ordered:
            self._add(unique_id, below, found)
        for name in found:
            if self.by_name[name].get("language", "sql") != "sql":
                raise SeamlineError(
                    f"{self.by_name[name]['original_file_path']} looks at everybody at once, so "
                    "that no micro-batch can be computed: leave it to the daily job and its "
                    "sensor `changes`, or set vars.probabilistic_matching to false."
                )
        return tuple(found)

    @cached_property
    def following(self) -> frozenset[str]:
        """Return the models of the path that events or time alone change, whoever is who."""
        found = set(self.conformed("events"))
        for name in self.path:
            if self.changing(name) or not found.isdisjoint(self.reads(name)):
                found.add(name)
        return frozenset(found.intersection(self.path))

    def changing(self, name: str) -> dict[str, list[int]]:
        """Return the columns after whose instants time alone changes a row: after which seconds."""
        found = {}
        for column, facts in self.by_name[name]["columns"].items():
            meta = facts.get("config", {}).get("meta") or facts.get("meta") or {}
            if seconds := meta.get("changes_after_seconds"):
                found[column] = list(seconds)
        return found

    def key(self, name: str) -> list[str]:
        """Return the columns of a model's primary key; none where it has none."""
        return list(self.by_name[name].get("primary_key") or [])

    def meta(self, name: str, word: str) -> list[str]:
        """Return what a model's YAML says under ``config.meta``, by a word of the increment's."""
        return list(self.by_name[name]["config"].get("meta", {}).get(word, []))

    def reads(self, name: str) -> frozenset[str]:
        """Return the names of the models that a model's SQL reads, by ref or by their relation."""
        sql = str(self.by_name[name].get("compiled_code") or "")
        found = {
            self._by_relation[each] for each in _RELATION.findall(sql) if each in self._by_relation
        }
        return frozenset(found - {name})

    @cached_property
    def _by_relation(self) -> dict[str, str]:
        return {str(node["relation_name"]): name for name, node in self.by_name.items()}

    def parents(self, name: str) -> list[str]:
        """Return the names of the models that a model reads by ref."""
        above = self.by_name[name]["depends_on"]["nodes"]
        return [self._nodes[unique_id]["name"] for unique_id in above if unique_id in self._nodes]

    def _add(self, unique_id: str, below: set[str], found: list[str]) -> None:
        node = self._nodes.get(unique_id)
        if unique_id not in below or node is None or node["fqn"][1] == "staging":
            return
        if node["name"] in found:
            return
        for parent in node["depends_on"].get("nodes", []):
            self._add(parent, below, found)
        found.append(node["name"])

    def _below(self, roots: set[str]) -> set[str]:
        below = set(roots)
        grown = True
        while grown:
            more = {
                unique_id
                for unique_id, node in self._nodes.items()
                if unique_id not in below and below & set(node["depends_on"].get("nodes", ()))
            }
            below |= more
            grown = bool(more)
        return below

    def _is_of_events(self, source: Node) -> bool:
        name = source["source_name"].removeprefix("raw_")
        conformed = {
            entity
            for node in self._nodes.values()
            if node["fqn"][1] == "staging"
            and node["fqn"][2] == name
            and not any(
                parent.startswith("source.") for parent in node["depends_on"].get("nodes", [])
            )
            for entity in [self.entity(node["name"])]
        }
        return "events" in conformed and conformed <= EVENT_ENTITIES


def is_segment(node: Node) -> bool:
    """Return whether a node is a segment."""
    return "segment" in node["config"].get("meta", {})
