"""What no build has taken up yet: files and rows that landed, people whose instant has passed.

Everything is compared with what the warehouse itself says it was built from, so that an answer is
right whoever landed or built in between, and whatever a former answer led to.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.load import find_extracts
from reverse_etl.contract.manifest import Relation
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

# A file that was written to a moment ago may still be growing.
SETTLED_SECONDS = 2.0
# A build reads its clock before its first result is in; so much earlier at most.
_BUILD_START = timedelta(minutes=5)
_COUNTS = Relation("marts", "landing_counts")
_RESULTS = Relation("ops", "dbt_results")

Table = tuple[str, str]  # schema, name
Known = dict[str, list[int]]  # a file's label: when it was written (ns), its size


def changed_files(
    folder: Path, sources: Collection[str], known: Mapping[str, list[int]]
) -> tuple[set[Table], Known]:
    """Return the raw tables whose files are not as ``known``, and how the files are now.

    Raises:
        SeamlineError: a file lies where none is expected.
    """
    tables: set[Table] = set()
    now: Known = {}
    for file in find_extracts(folder, sources):
        facts = file.path.stat()
        if time.time() - facts.st_mtime < SETTLED_SECONDS:
            if file.label in known:
                now[file.label] = list(known[file.label])
            continue
        now[file.label] = [facts.st_mtime_ns, facts.st_size]
        if now[file.label] != known.get(file.label):
            tables.add((f"raw_{file.source_name}", file.table_name))
    return tables, now


def uncounted_rows(manifest: Mapping[str, Any], warehouse: Warehouse) -> dict[Table, int]:
    """Return the raw tables with more or fewer rows than the last build counted, and how many.

    ``landing_counts`` is counted in staging: rows that landed while a build ran are not in it.
    """
    counted: dict[Table, int] = {}
    if warehouse.columns(_COUNTS):
        for source, table, landed in warehouse.rows(
            f"select source_name, source_table, landed from {_COUNTS}"
        ):
            counted[f"raw_{source}", table] = landed
    found: dict[Table, int] = {}
    for source in manifest["sources"].values():
        relation = Relation(source["schema"], source["identifier"])
        if warehouse.columns(relation):
            quoted = f'{relation.schema}."{relation.name}"'
            [(rows,)] = warehouse.rows(f"select count(*) from {quoted}")
            if rows != counted.get((relation.schema, relation.name), 0):
                found[relation.schema, relation.name] = rows
    return found


def due_models(
    manifest: Mapping[str, Any], warehouse: Warehouse, now: datetime
) -> dict[str, datetime]:
    """Return the models with a row that time alone has changed since they were built.

    A model's column says so by ``meta: {changes_after_seconds: [1800]}``: so many seconds after
    the instant in the column, the row is another one. Returned is each model's unique id with the
    latest instant at which a row was due, up to ``now``.
    """
    if not warehouse.columns(_RESULTS):
        return {}
    found: dict[str, datetime] = {}
    for unique_id, column, seconds in _timed_columns(manifest):
        node = manifest["nodes"][unique_id]
        relation = Relation(node["schema"], node["alias"])
        built = _built_at(unique_id, warehouse)
        if built is None or not warehouse.columns(relation):
            continue
        wait = timedelta(seconds=seconds)
        [(latest,)] = warehouse.rows(
            f"select max({column}) from {relation} where {column} > {_instant(built - wait)} "
            f"and {column} <= {_instant(now - wait)}"
        )
        if latest is not None:
            found[unique_id] = max(latest + wait, found.get(unique_id, latest + wait))
    return found


def _timed_columns(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] != "model":
            continue
        for name, column in node["columns"].items():
            meta = column.get("config", {}).get("meta") or column.get("meta") or {}
            for seconds in meta.get("changes_after_seconds", []):
                yield unique_id, name, int(seconds)


def _built_at(unique_id: str, warehouse: Warehouse) -> datetime | None:
    """Return an instant before the last successful build of a model read its clock."""
    [(first,)] = warehouse.rows(
        f"select min(executed_at) from {_RESULTS} where invocation_id = (select invocation_id "
        f"from {_RESULTS} where unique_id = {literal(unique_id)} and status = 'success' "
        "order by executed_at desc limit 1)"
    )
    return first - _BUILD_START if first else None


def _instant(value: datetime) -> str:
    return f"cast({literal(value.isoformat(sep=' '))} as timestamp)"
