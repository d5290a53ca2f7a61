"""The heaviest statements of a full build, by themselves.

``python -m benchmarks.heaviest WAREHOUSE TARGET COUNT`` takes a built warehouse and dbt's target
folder, and runs the SQL of the tables that took longest once more, one after the other on one
connection, each into a file beside the warehouse that is thrown away.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import duckdb


def heaviest(target: Path, count: int) -> list[tuple[str, float, str]]:
    """Return name, seconds under dbt and SQL of the ``count`` slowest tables, the slowest first."""
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    results = json.loads((target / "run_results.json").read_text())["results"]
    tables = [
        (str(node["name"]), float(result["execution_time"]), str(result["compiled_code"]))
        for result in results
        if (node := nodes[result["unique_id"]])["config"]["materialized"] == "table"
        and node.get("language", "sql") == "sql"
    ]
    return sorted(tables, key=lambda each: -each[1])[:count]


def run(warehouse: Path, statements: list[str]) -> None:
    """Run each statement, its rows written as the build writes them."""
    with (
        tempfile.TemporaryDirectory(dir=warehouse.parent) as folder,
        duckdb.connect(str(warehouse), config={"threads": 2}) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{folder}/scratch.duckdb' as scratch")
        for statement in statements:
            connection.execute(f"create or replace table scratch.rows as {statement}")


if __name__ == "__main__":
    run(Path(sys.argv[1]), [sql for *_, sql in heaviest(Path(sys.argv[2]), int(sys.argv[3]))])
