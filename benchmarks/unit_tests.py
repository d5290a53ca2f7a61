"""dbt's unit tests, evaluated on DuckDB without dbt: given rows in, expected rows out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

from reverse_etl.warehouse.dialect import literal

Types = Mapping[str, str]


class UnitTest:
    """One unit test, its given rows loaded once.

    Args:
        test: as the manifest has it.
        nodes: the manifest's nodes; their contracts say how rows are typed.
    """

    def __init__(self, test: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self.name = str(test["name"])
        self.model = str(test["model"])
        by_name = {node["name"]: node for node in nodes.values()}
        self._connection = duckdb.connect(config={"threads": 1})
        for given in test["given"]:
            node = by_name[given["input"].split("'")[1]]
            load(self._connection, node, given["rows"])
        expected = test["expect"]["rows"]
        self._columns = list(dict.fromkeys(name for row in expected for name in row)) or [
            "person_id"
        ]
        types = types_of(by_name[self.model])
        rows = _values(expected, {name: types[name] for name in self._columns})
        self._expected = f"select * from ({rows}) as expected"

    def passes(self, sql: str) -> bool:
        """Whether a statement yields exactly the expected rows; one that cannot run does not."""
        listed = ", ".join(self._columns)
        found = f"select {listed} from ({unqualified(sql)}) as found"
        try:
            ((differences,),) = self._connection.execute(
                f"select count(*) from (({found} except all {self._expected})"
                f" union all ({self._expected} except all {found})) as differences"
            ).fetchall()
        except duckdb.Error:
            return False
        return differences == 0


def types_of(node: Mapping[str, Any]) -> Types:
    """Return the types of a model's contract, by column."""
    return {name: column["data_type"] for name, column in node["columns"].items()}


def unqualified(sql: str) -> str:
    """Return compiled SQL without the database's name, which differs here."""
    return sql.replace('"warehouse".', "")


def load(
    connection: duckdb.DuckDBPyConnection,
    node: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Make a model's table of some rows; what a row does not say is null."""
    connection.execute(f"create schema if not exists {node['schema']}")
    table = f"{node['schema']}.{node['alias']}"
    connection.execute(f"create or replace table {table} as {_values(rows, types_of(node))}")


def _values(rows: Sequence[Mapping[str, Any]], types: Types) -> str:
    selects = list(_selects(rows, types))
    return " union all ".join(selects) if rows else f"{next(_selects([{}], types))} where false"


def _selects(rows: Sequence[Mapping[str, Any]], types: Types) -> Iterator[str]:
    for row in rows:
        values = (
            f"cast({literal(row.get(name))} as {_spelled(kind)}) as {name}"
            for name, kind in types.items()
        )
        yield f"select {', '.join(values)}"


def _spelled(kind: str) -> str:
    return "varchar" if kind == "string" else kind
