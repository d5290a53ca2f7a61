"""Models recomputed in temporary tables: as of another instant, or as changed SQL has them.

Only what depends on the instant or on the change is computed again, from the tables that are there;
the warehouse itself is not written. Identity is today's: a past day is told of the people of today,
and by all that is known of it since.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import Any

from reverse_etl.contract.manifest import Manifest
from reverse_etl.segments.segment import (
    Segment,
    at_instant,
    built,
    instant_of,
    last_micro_batch,
    later,
)
from reverse_etl.warehouse.session import Warehouse

_RECOMPUTED = ("table", "view")


class Replay:
    """A view of the warehouse in which some models are other than built.

    Args:
        warehouse: where the tables are, and the temporary ones go.
        manifest: a compiled one.
        moment: the instant to judge by; that of the tables by default.
        changed: models, by unique id, whose table is not what their SQL says.
        name: what temporary tables begin with, where there are several replays at once.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        manifest: Manifest,
        moment: datetime | None = None,
        changed: Collection[str] = (),
        name: str = "replayed",
    ) -> None:
        self._warehouse = warehouse
        self._manifest = manifest
        self._moment = moment
        self._changed = frozenset(changed)
        self._name = name
        self._moves: dict[str, bool] = {}
        self._tables: dict[str, str] = {}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, which reads the recomputed models where there are any."""
        return self._warehouse.rows(self.rewritten(query))

    def rewritten(self, query: str) -> str:
        """Return a query with the names of recomputed models replaced."""
        for relation, table in self._tables.items():
            query = query.replace(relation, table)
        return query

    def sql(self, unique_id: str) -> str:
        """Return a model's SQL as of the instant, once all it reads is there to be read."""
        self.prepare(unique_id)
        return self.timed(self._manifest.compiled(unique_id))

    def of(self, segment: Segment) -> str:
        """Return a segment's SQL as of the instant, its sources' names as they are to be read."""
        if not segment.unique_id:
            for unique_id in _read_by(self._manifest, segment.sql):
                self._compute(unique_id)
            return self.rewritten(self.timed(segment.sql))
        return self.rewritten(self.sql(segment.unique_id))

    def timed(self, sql: str) -> str:
        """Return compiled SQL as of the instant."""
        moment = self._moment or self._stands_at(sql)
        return at_instant(sql, moment) if moment else sql

    def prepare(self, unique_id: str) -> None:
        """Recompute what a model reads, and what that reads, as far as it is other than built."""
        for parent in self._manifest.nodes[unique_id]["depends_on"]["nodes"]:
            self._compute(parent)

    def _compute(self, unique_id: str) -> None:
        node = self._manifest.nodes.get(unique_id)
        if node is None or not self._is_moved(unique_id) or node["relation_name"] in self._tables:
            return
        self.prepare(unique_id)
        table = f"{self._name}_{node['name']}"
        query = self.rewritten(self.timed(self._manifest.compiled(unique_id)))
        self._warehouse.execute(f"drop table if exists {table}")
        self._warehouse.execute(f"create temporary table {table} as {query}")
        self._tables[node["relation_name"]] = table

    def columns_read(self, unique_id: str) -> dict[str, dict[str, str]]:
        """Return the columns and types of what a model reads directly, by ``schema.table``.

        Raises:
            SeamlineError: something that it reads is not in the warehouse.
        """
        self.prepare(unique_id)
        found = {}
        for parent in self._manifest.nodes[unique_id]["depends_on"]["nodes"]:
            relation = self._manifest.relation(parent)
            table = self._tables.get(self._manifest.nodes.get(parent, {}).get("relation_name", ""))
            found[str(relation)] = (
                temporary_columns(self._warehouse, table)
                if table
                else built(relation, self._warehouse)
            )
        return found

    def _is_moved(self, unique_id: str) -> bool:
        """Whether a model is to be recomputed: by itself, or for what it reads."""
        if unique_id not in self._moves:
            node = self._manifest.nodes.get(unique_id)
            self._moves[unique_id] = node is not None and self._is_other(node)
        return self._moves[unique_id]

    def _stands_at(self, sql: str) -> datetime | None:
        instant = instant_of(sql)
        return later(instant, self._last_micro_batch) if instant else None

    @cached_property
    def _last_micro_batch(self) -> datetime | None:
        return last_micro_batch(self._warehouse)

    def _is_other(self, node: dict[str, Any]) -> bool:
        if node["resource_type"] != "model" or node["config"]["materialized"] not in _RECOMPUTED:
            return False
        instant = self._stands_at(node.get("compiled_code") or "")
        is_timed = self._moment is not None and instant not in (None, self._moment)
        return (
            is_timed
            or node["unique_id"] in self._changed
            or any(self._is_moved(parent) for parent in node["depends_on"]["nodes"])
        )


def _read_by(manifest: Manifest, sql: str) -> list[str]:
    """Return the models that a statement names, for what dbt does not know of."""
    return [
        unique_id
        for unique_id, node in manifest.nodes.items()
        if node["resource_type"] == "model" and node["relation_name"] in sql
    ]


def temporary_columns(warehouse: Warehouse, table: str) -> dict[str, str]:
    """Return the columns and types of a temporary table, in their order."""
    return dict(
        warehouse.rows(
            "select column_name, data_type from information_schema.columns "
            f"where table_name = '{table}' order by ordinal_position"
        )
    )
