"""A stranger's dbt project: it has nothing of ours but the folder of materializations.

A dbt run costs seconds, so each works on one table that holds many graphs (a node's name begins
with its graph's), and on as many models as it can.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import duckdb
import yaml

from tests.postgres.server import PostgresServer

MATERIALIZATIONS = Path(__file__).parents[2] / "dbt_project" / "macros" / "materializations"

Edge = tuple[str | None, str | None]


class Engine(Protocol):
    """A database that a stranger might have."""

    profile: dict[str, Any]

    def rows(self, query: str) -> list[tuple[Any, ...]]: ...

    def execute(self, *statements: str) -> None: ...

    def land(self, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None: ...

    def tables(self) -> list[str]: ...

    def dbt(self, folder: Path, arguments: list[str]) -> None: ...


class DuckDb:
    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "warehouse.duckdb")
        self.profile = {"type": "duckdb", "path": self.path, "schema": "main"}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.path, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def execute(self, *statements: str) -> None:
        with duckdb.connect(self.path) as connection:
            for statement in statements:
                connection.execute(statement)

    def land(self, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.execute(*_landing(table, columns, rows))

    def tables(self) -> list[str]:
        return [name for (name,) in self.rows(_TABLES)]

    def dbt(self, folder: Path, arguments: list[str]) -> None:
        _dbt_of_its_own(folder, arguments)


class Postgres:
    def __init__(self, server: PostgresServer, database: str) -> None:
        self.server, self.database = server, server.create_database(database, icu=True)
        self.profile = {
            "type": "postgres",
            "host": "127.0.0.1",
            "port": server.port,
            "user": server.user,
            "password": "",
            "dbname": database,
            "schema": "public",
        }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        printed = self.server.execute(f"copy ({query}) to stdout (format csv)", self.database)
        return [tuple(row) for row in csv.reader(io.StringIO(printed))]

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self.server.execute(statement, self.database)

    def land(self, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.execute(*_landing(table, columns, rows))

    def tables(self) -> list[str]:
        return [name for (name,) in self.rows(_TABLES)]

    def dbt(self, folder: Path, arguments: list[str]) -> None:
        _dbt_of_its_own(folder, arguments)


class StrangersProject:
    """A dbt project that has nothing of ours but the folder on its macro path."""

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        models: Mapping[str, tuple[str, Mapping[str, Any]]],
        macros: Path = MATERIALIZATIONS,
    ) -> None:
        """Write a model for each name, from its SQL and what is configured beside it."""
        self.folder, self.engine = folder, engine
        (folder / "models").mkdir(parents=True)
        for name, (query, config) in models.items():
            arguments = "".join(f", {key}={value!r}" for key, value in config.items())
            (folder / "models" / f"{name}.sql").write_text(
                f"{{{{ config(materialized='connected_components'{arguments}) }}}}\n{query}\n"
            )
        project = {
            "name": "stranger",
            "profile": "stranger",
            "macro-paths": [str(macros)],
            "flags": {"send_anonymous_usage_stats": False},
        }
        profiles = {"stranger": {"target": "test", "outputs": {"test": engine.profile}}}
        (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
        (folder / "profiles.yml").write_text(yaml.safe_dump(profiles))

    def land(self, edges: Iterable[Edge]) -> None:
        """Replace the table of edges."""
        self.engine.land("edges", "left_id text, right_id text", edges)

    def run(self, *models: str, full_refresh: bool = False) -> dict[str, str]:
        """Run dbt; returns the message of each model that failed."""
        flags = ["--full-refresh"] if full_refresh else []
        self.engine.dbt(self.folder, ["run", *flags, "--select", *models])
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        assert len(results) == len(models)
        return {
            result["unique_id"].split(".")[-1]: " ".join(result["message"].split())
            for result in results
            if result["status"] != "success"
        }

    def components(self, model: str = "components") -> dict[Any, Any]:
        """What was built, from node to component."""
        rows = self.engine.rows(f"select node_id, component_id from {model}")
        assert len({node for node, _ in rows}) == len(rows), "a node has more than one row"
        return dict(rows)

    def resolve(self, edges: Iterable[Edge]) -> dict[Any, Any]:
        """Land, run and read."""
        self.land(edges)
        assert self.run("components") == {}
        return self.components()

    def tables(self) -> list[str]:
        """The names of all tables, in order."""
        return self.engine.tables()


_TABLES = (
    "select table_name from information_schema.tables"
    " where table_schema in ('main', 'public') order by table_name"
)


def _dbt_of_its_own(folder: Path, arguments: list[str]) -> None:
    subprocess.run(
        [Path(sys.executable).with_name("dbt"), *arguments],
        cwd=folder,
        env={**not_ours(), "DBT_PROFILES_DIR": str(folder)},
        capture_output=True,
        check=False,
    )


def not_ours() -> dict[str, str]:
    """The environment without what Seamline tells its own dbt."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}


def _landing(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield f"drop table if exists {table}"
    yield f"create table {table} ({columns})"
    for batch in _batches(f"({', '.join(map(_literal, row))})" for row in rows):
        yield f"insert into {table} values {batch}"


def _literal(value: str | bool | None) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "null" if value is None else str(value).lower()


def _batches(values: Iterable[str], size: int = 2000) -> Iterator[str]:
    rows = list(values)
    return (", ".join(rows[start : start + size]) for start in range(0, len(rows), size))


def union_find(edges: Iterable[Edge]) -> dict[str, str]:
    """The same answer, the textbook's way."""
    parents: dict[str, str] = {}

    def root(node: str) -> str:
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for left, right in edges:
        if left is None or right is None:
            continue
        parents.setdefault(left, left)
        parents.setdefault(right, right)
        # The smaller name in byte order leads, which for Python is the order of code points.
        low, high = sorted((root(left), root(right)))
        parents[high] = low
    return {node: root(node) for node in parents}
