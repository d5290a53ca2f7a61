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
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path

import duckdb

from benchmarks import components_dbt, graphs
from benchmarks.measure import Row, alternate, compare
from tests.postgres.server import PostgresServer, postgres_server

# DuckDB of the same version as ours, or the writing of the table would be what is compared.
PEERS = ("scipy==1.17.1", "splink==5.0.0", "pyarrow", f"duckdb=={duckdb.__version__}")
MODEL = "{{{{ config(materialized='connected_components'{config}) }}}}\n{query}\n"
FOREST_ROUNDS = 2
ALL = "select left_id, right_id from edges"
CHANGES = (
    "{% if only_changed_edges() %} from changes {% else %} select left_id, right_id from edges"
    " {% endif %}"
)


class Bench:
    """The rows of the table, part by part; the graph is drawn and resolved once for all of them."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder
        self.edges, self.chain_length = (200_000, 20_000) if quick else (10_000_000, 1_000_000)

    @cached_property
    def python(self) -> Path:
        """The Python of the peers."""
        return _environment_of_the_peers(self.folder / "peers")

    @cached_property
    def graph(self) -> Graph:
        """The graph with chains."""
        return Graph(self.folder / "chains", self.edges, chains=True)

    @cached_property
    def ours(self) -> dict[str, float]:
        """What a full run on it costs."""
        return self.graph.full()

    def full(self) -> Iterator[Row]:
        """Everything at once."""
        ours, peer = self.ours, self.graph.peer("scipy", self.python)
        yield _row("full, text ids", ours, peer, "scipy", 2.0)
        yield _row("full, wall time", ours, peer, "scipy", 2.0, "seconds")
        yield compare("full, peak memory", "MB", ours["megabytes"], 4096, "the bar", 1.0)

    def forest(self) -> Iterator[Row]:
        """One responsible edge per merge."""
        ours, without = alternate(
            FOREST_ROUNDS,
            lambda: self.graph.run("forest")["cpu"],
            lambda: self.graph.full()["cpu"],
        )
        yield compare("with the forest", "s", ours, without, "without", 1.3)

    def increment(self) -> Iterator[Row]:
        """What changed since the last run, beside a full run on what holds now."""
        self.graph.run("kept")
        yield _row("1 % more edges", *self.graph.change("news", gone=False), "full", 1 / 15)
        yield _row("1,000 edges gone", *self.graph.change("gone", gone=True), "full", 0.25)

    def growth(self) -> Iterator[Row]:
        """A tenth of the edges."""
        small = Graph(self.folder / "tenth", self.edges // 10, chains=True)
        yield _row("ten times the edges", self.ours, small.full(), "a tenth", 12.0)

    def plain(self) -> Iterator[Row]:
        """The graph that Splink's clustering comes to an end with."""
        plain = Graph(self.folder / "plain", self.edges, chains=False)
        yield _row(
            "full, no chains", plain.full(), plain.peer("splink", self.python), "Splink", 0.7
        )

    def chain(self) -> Iterator[Row]:
        """One long chain, whose ids ascend along it or not."""
        for ordered in (True, False):
            folder = self.folder / f"chain_{ordered}"
            yield from _chain(folder, self.chain_length, ordered=ordered)

    def postgres(self) -> Iterator[Row]:
        """The same SQL on PostgreSQL, by the wall: its server's CPU seconds are not ours."""
        graph = Graph(self.folder / "both", self.edges // 10, chains=True)
        ours = graph.full()
        with postgres_server() as server:
            there = _on_postgres(server, graph)
        yield _row(
            f"PostgreSQL, {self.edges // 10:,} edges", there, ours, "DuckDB", 12.0, "seconds"
        )


PARTS = ("full", "forest", "increment", "growth", "plain", "chain", "postgres")


def rows(*, quick: bool, only: Collection[str] = PARTS) -> Iterator[Row]:
    """Yield the rows of the parts asked for."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), quick=quick)
        for part in (name for name in PARTS if name in only):
            yield from getattr(bench, part)()


class Graph:
    """A drawn graph in a database of its own, and the dbt project that resolves it."""

    def __init__(self, folder: Path, edges: int, *, chains: bool) -> None:
        folder.mkdir()
        self.database, self.project = folder / "graph.duckdb", folder / "dbt"
        graphs.draw(self.database, edges, chains=chains)
        _make_project(self.project, self.database)

    def run(self, model: str) -> dict[str, float]:
        """Run one of the project's models."""
        return components_dbt.run(self.project, model)

    def full(self) -> dict[str, float]:
        """Run the whole graph."""
        return self.run("whole")

    def peer(self, name: str, python: Path) -> dict[str, float]:
        """Run the peer on the same table, and hold its partition against ours."""
        script = Path(__file__).with_name(f"components_{name}.py")
        command = [python, script, self.database]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        self.must_agree("whole", f"by_{name}")
        measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return measured

    def change(self, table: str, *, gone: bool) -> tuple[dict[str, float], dict[str, float]]:
        """Apply a table of edges to the graph that is kept; measure that, and a full run after it.

        A result that differs from the full run's in any row ends the run.
        """
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
        measured, everything = self.run("kept"), self.full()
        self.must_agree("kept", "whole")
        return measured, everything

    def must_agree(self, one: str, other: str) -> None:
        """End the run if two tables differ in any row."""
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


def _on_postgres(server: PostgresServer, graph: Graph) -> dict[str, float]:
    """Resolve the graph's edges there; hold the result against the one here."""
    database = server.create_database("bench")
    edges, found = (graph.database.with_name(f"{name}.csv") for name in ("edges", "found"))
    with duckdb.connect(str(graph.database)) as connection:
        connection.execute(f"copy edges to '{edges}' (header false)")
    server.execute("create table edges (left_id text, right_id text)", database)
    server.execute(f"\\copy edges from '{edges}' csv", database)
    server.execute("analyze edges", database)
    folder = graph.project.with_name("dbt_postgres")
    profile = {
        "type": "postgres",
        "host": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "password": "",
        "dbname": database,
        "schema": "public",
        "threads": 1,
    }
    components_dbt.make_project(folder, {"whole": MODEL.format(config="", query=ALL)}, profile)
    measured = components_dbt.run(folder, "whole")
    server.execute(f"\\copy whole to '{found}' csv", database)
    with duckdb.connect(str(graph.database)) as connection:
        connection.execute(
            "create table by_postgres as from"
            f" read_csv('{found}', header = false, names = ['node_id', 'component_id'])"
        )
    graph.must_agree("whole", "by_postgres")
    return measured


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
