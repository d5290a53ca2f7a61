"""The graph of people: connected components through dbt, beside scipy and Splink.

Every run is a process of its own that reads text ids from a table and writes text ids to one;
dbt's own start is left out of ours. CPU seconds unless said otherwise: they are the least troubled
by what else a machine does. A result that differs from its comparator's in any row ends the run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from benchmarks import components_dbt, graphs
from benchmarks.measure import Row, compare

# DuckDB of the same version as ours, or the writing of the table would be what is compared.
PEERS = ("scipy==1.17.1", "splink==5.0.0", "pyarrow", f"duckdb=={duckdb.__version__}")
MODEL = "{{{{ config(materialized='connected_components'{config}) }}}}\n{query}\n"
ALL = "select left_id, right_id from edges"
CHANGES = (
    "{% if only_changed_edges() %} from changes {% else %} select left_id, right_id from edges"
    " {% endif %}"
)


def rows(*, quick: bool) -> Iterator[Row]:
    """Yield the rows of the table."""
    edges, chain = (200_000, 20_000) if quick else (10_000_000, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        python = _environment_of_the_peers(place / "peers")
        graph = Graph(place / "chains", edges, python, chains=True)
        ours, peer = graph.full(), graph.peer("scipy")
        yield _row("full, text ids", ours, peer, "scipy", 2.0)
        yield _row("full, wall time", ours, peer, "scipy", 2.0, "seconds")
        yield compare("full, peak memory", "MB", ours["megabytes"], 4096, "the bar", 1.0)
        yield _row("with the forest", graph.run("forest"), ours, "without", 1.3)
        graph.run("kept")
        yield _row("1 % more edges", graph.change("news", gone=False), ours, "full", 1 / 15)
        yield _row("1,000 edges gone", graph.change("gone", gone=True), ours, "full", 0.25)
        small = Graph(place / "tenth", edges // 10, python, chains=True)
        yield _row("ten times the edges", ours, small.full(), "a tenth", 12.0)
        plain = Graph(place / "plain", edges, python, chains=False)
        yield _row("full, no chains", plain.full(), plain.peer("splink"), "Splink", 0.7)
        for ordered in (True, False):
            yield from _chain(place / f"chain_{ordered}", chain, ordered=ordered)


class Graph:
    """A drawn graph in a database of its own, and the dbt project that resolves it."""

    def __init__(self, folder: Path, edges: int, python: Path, *, chains: bool) -> None:
        folder.mkdir()
        self.database, self.project, self.python = folder / "graph.duckdb", folder / "dbt", python
        graphs.draw(self.database, edges, chains=chains)
        _make_project(self.project, self.database)

    def run(self, model: str) -> dict[str, float]:
        """Run one of the project's models."""
        return components_dbt.run(self.project, model)

    def full(self) -> dict[str, float]:
        """Run the whole graph."""
        return self.run("whole")

    def peer(self, name: str) -> dict[str, float]:
        """Run the peer on the same table, and hold its partition against ours."""
        script = Path(__file__).with_name(f"components_{name}.py")
        command = [self.python, script, self.database]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        self._must_agree("whole", f"by_{name}")
        measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return measured

    def change(self, table: str, *, gone: bool) -> dict[str, float]:
        """Apply a table of edges to the graph that is kept; hold the result against a full run."""
        with duckdb.connect(str(self.database)) as connection:
            connection.execute(
                f"create or replace table changes as select *, {gone} as is_deleted from {table}"
            )
            if gone:
                connection.execute(
                    "delete from edges where (left_id, right_id) in (from gone"
                    " union all select right_id, left_id from gone)"
                )
            else:
                connection.execute(f"insert into edges from {table}")
        measured = self.run("kept")
        self.full()
        self._must_agree("kept", "whole")
        return measured

    def _must_agree(self, one: str, other: str) -> None:
        with duckdb.connect(str(self.database)) as connection:
            found = connection.execute(
                f"""
                select count(*) from {one} full join {other} using (node_id)
                where {one}.component_id is distinct from {other}.component_id
                """
            ).fetchall()
        if found != [(0,)]:
            sys.exit(f"{one} and {other} differ in {found[0][0]} rows: there is nothing to measure")


def _chain(folder: Path, length: int, *, ordered: bool) -> Iterator[Row]:
    folder.mkdir()
    graphs.draw_chain(folder / "graph.duckdb", length, ordered=ordered)
    _make_project(folder / "dbt", folder / "graph.duckdb")
    found = components_dbt.run(folder / "dbt", "whole")
    name = f"chain of {length:,}, {'ordered' if ordered else 'shuffled'}"
    yield compare(f"{name}: rounds", "rounds", found["rounds"], 15, "the bar", 1.0)
    yield compare(f"{name}: statements", "statements", found["statements"], 130, "the bar", 1.0)


def _make_project(folder: Path, database: Path) -> None:
    models = {
        "whole": MODEL.format(config="", query=ALL),
        "forest": MODEL.format(config=", forest=true", query=ALL),
        "kept": MODEL.format(config=", incremental='changes'", query=CHANGES),
    }
    profile = {"type": "duckdb", "path": str(database), "schema": "main", "threads": 1}
    components_dbt.make_project(folder, models, {**profile, "settings": {"threads": 2}})


def _environment_of_the_peers(folder: Path) -> Path:
    """Make a throwaway environment with the peers; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    return python


def _row(  # noqa: PLR0917 - the columns of a row, in their order
    work: str,
    ours: dict[str, float],
    other: dict[str, float],
    name: str,
    target: float,
    measure: str = "cpu",
) -> Row:
    return compare(work, "s", ours[measure], other[measure], name, target)
