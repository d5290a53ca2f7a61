"""Tables given by hand: what a model reads, typed by its parents' contracts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import duckdb

from tests.conftest import Workspace

Row = Mapping[str, Any]


def give(workspace: Workspace, **tables: Iterable[Row]) -> None:
    """Make each mart named with exactly these rows; a column left out is null."""
    manifest = json.loads(workspace.manifest.read_text())
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute("create schema if not exists marts")
        for name, rows in tables.items():
            contract = manifest["nodes"][f"model.seamline.{name}"]["columns"]
            columns = ", ".join(f"{c['name']} {c['data_type']}" for c in contract.values())
            connection.execute(f"create or replace table marts.{name} ({columns})")
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                connection.execute(
                    f"insert into marts.{name} ({names}) values ({marks})", list(row.values())
                )


def give_query(workspace: Workspace, name: str, query: str) -> None:
    """Append to a mart made by ``give`` what a query over files yields."""
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute(f"insert into marts.{name} by name {query}")


def ask(workspace: Workspace, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def drill_down(
    workspace: Workspace,
    mart: str,
    answer: Callable[[Workspace, str], list[tuple[Any, ...]]] = ask,
) -> tuple[list[str], list[str]]:
    """Return an aggregate's keys and measures, as it has them and as its documented rows add up.

    What nothing adds up to, as an account without deals, has no rows and is left out.
    """
    nodes = json.loads(workspace.manifest.read_text())["nodes"]
    node = nodes[f"model.seamline.{mart}"]
    documented = node["config"]["meta"]["drill_down"]
    keys = ", ".join(_key(nodes, node["unique_id"]))
    measures = ", ".join(f"cast({name} as numeric(18, 4))" for name in documented["measures"])
    sums = ", ".join(f"cast({sum} as numeric(18, 4))" for sum in documented["measures"].values())
    something = " or ".join(f"{name} <> 0" for name in documented["measures"])
    relation = f"{node['schema']}.{node['alias']}"
    aggregate = answer(workspace, f"select {keys}, {measures} from {relation} where {something}")
    added = f"select {keys}, {sums} from ({documented['rows']}) as drilled group by {keys}"
    return sorted(map(repr, aggregate)), sorted(map(repr, answer(workspace, added)))


def _key(nodes: Mapping[str, Any], unique_id: str) -> list[str]:
    """The columns that the model's own test says are its key."""
    for test in nodes.values():
        if test.get("attached_node") == unique_id:
            if test["test_metadata"]["name"] == "unique_together":
                return list(test["test_metadata"]["kwargs"]["columns"])
            if test["test_metadata"]["name"] == "unique":
                return [test["column_name"]]
    raise AssertionError(f"{unique_id} has no tested key")
