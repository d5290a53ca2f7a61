"""The same models say the same on PostgreSQL as on DuckDB, row for row.

The server runs under an ICU collation, which sorts `a` before `B` and ignores punctuation, and in
which therefore everything breaks that takes the order of text for granted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import psycopg2
import pytest

from orchestration.history import write_day
from orchestration.local import dagster_home
from orchestration.run import run_daily
from reverse_etl.contract.project import Project
from reverse_etl.sandbox import running_sandbox
from reverse_etl.segments.explain import explain
from reverse_etl.segments.predicates import take_apart
from reverse_etl.segments.preview import preview
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import find_segment, segments
from reverse_etl.warehouse.opening import open_warehouse
from tests.conftest import ROOT, Workspace
from tests.dbt.test_survivorship import BOUGHT
from tests.extracts import write_rows
from tests.klaviyo_log import write_klaviyo_log
from tests.orchestration.conftest import environment, load_definitions
from tests.postgres.server import PostgresServer

LAYERS = ("reference", "intermediate", "marts", "segments", "activation", "audiences")
# Tables that models do not own but fill: who entered and left a segment, and when.
KEPT = ("segments.segment_memberships",)


@dataclass(frozen=True)
class Table:
    """What a relation holds: how often each row occurs, every value in its plainest form."""

    columns: tuple[str, ...]
    rows: Counter[tuple[str, ...]]


@pytest.fixture(scope="module")
def on_postgres(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The connection string of a database in which everything was landed, built and tested."""
    database = postgres.create_database("parity", icu=True)
    workspace = Workspace(tmp_path_factory.mktemp("parity"), postgres.environment(database))
    workspace.seamline("load", "seeds/raw")
    workspace.build()
    yield _connection(postgres, database)


def test_every_table_holds_the_same_rows(
    manifest: Mapping[str, Any], built_warehouse: Path, on_postgres: str
) -> None:
    relations = [*_relations(manifest), *KEPT]
    with (
        duckdb.connect(str(built_warehouse), read_only=True) as duck,
        psycopg2.connect(on_postgres) as connection,
        connection.cursor() as cursor,
    ):
        differences = _compared(duck, cursor, relations)
    assert len(relations) > 50
    assert not differences, "\n".join(differences)


def test_sources_that_are_off_say_the_same_once_they_are_on(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    extracts = tmp_path / "extracts"
    events = ("Received Email", "Opened Email", "Bounced Email", "Unsubscribed", "")
    log = [(metric, f"13:4{minute}:00") for minute, metric in enumerate(events)]
    write_klaviyo_log(extracts, "Ada.Cartwright@example.com", *log, day="2026-10-30T")
    bought = {"address": " ADA.cartwright@example.com", "checked_at": "2026-10-01T00:00:00Z"}
    nobody = {"address": "no address", "checked_at": "soon"}
    about = {"employer": "Bought Ltd", "title": "Chief"}
    write_rows(extracts, "enrichment", "firmographics", bought | about, nobody | about)
    settings = {"sources": ["klaviyo", "enrichment"], "enrichments": {"firmographics": BOUGHT}}
    paths = [f"path:models/staging/{source}" for source in settings["sources"]]
    database = postgres.create_database("optional", icu=True)
    ours = Workspace(tmp_path / "duckdb")
    for home in (ours, Workspace(tmp_path / "postgres", postgres.environment(database))):
        home.folder.mkdir()
        home.seamline("load", str(extracts))
        home.dbt("build", "--select", *paths, "--vars", json.dumps(settings))
    relations = [
        f"staging.{file.stem}"
        for source in settings["sources"]
        for file in sorted((ROOT / "dbt_project/models/staging" / source).glob("*.sql"))
    ]
    assert len(relations) == 10
    with (
        duckdb.connect(str(ours.warehouse), read_only=True) as duck,
        psycopg2.connect(_connection(postgres, database)) as connection,
        connection.cursor() as cursor,
    ):
        differences = _compared(duck, cursor, relations)
        reasons = duck.execute("select reason from staging.stg_klaviyo__suppressions").fetchall()
    assert sorted(reasons) == [("hard_bounce",), ("unsubscribed",)]
    assert not differences, "\n".join(differences)


def test_segments_are_explained_and_previewed_alike(
    on_postgres: str,
    postgres: PostgresServer,
    built_warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the SQL that dbt compiles for PostgreSQL, taken apart and asked there."""
    workspace = Workspace(tmp_path, postgres.environment("parity"))
    workspace.dbt("--quiet", "compile", "--select", "fqn:*")
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    project = Project.load()
    with (
        duckdb.connect(str(built_warehouse), read_only=True) as duck,
        open_warehouse(project.profile, project.home) as warehouse,
    ):
        people = [str(p) for (p,) in duck.execute("select person_id from marts.people").fetchall()]
        for segment in segments(project.manifest):
            query = f"select person_id from segments.{segment.name}"
            real = {str(person) for (person,) in duck.execute(query).fetchall()}
            replay = Replay(warehouse, project.manifest)
            columns = replay.columns_read(segment.unique_id)
            definition = take_apart(segment.sql, "postgres", columns)
            told = explain(definition, people, warehouse.rows)
            assert {person for person, each in told.items() if each.is_member} == real
            assert all(each.is_member or each.reasons or each.missing for each in told.values())
            found = preview(project, warehouse, segment)
            assert found.size == len(real)
            assert [each.people for each in found.coverage] == [len(real)] * len(found.coverage)
        past = Replay(warehouse, project.manifest, datetime(2026, 10, 15))
        members = past.rows(past.of(find_segment(project.manifest, "new_customers")))
        assert len(members) > 5
        sizes = write_day(project, warehouse, date(2026, 10, 14))
        assert sizes["new_customers"] == len(members)
        counted = "select count(*) from segments.segment_days where segment = 'new_customers'"
        assert warehouse.rows(counted) == [(len(members),)]


def test_segments_are_replayed_and_compared_alike(
    on_postgres: str, postgres: PostgresServer, built: Workspace, tmp_path: Path
) -> None:
    """A back-test, and what a changed threshold moves, as the commands print them."""
    said = []
    for home in (
        built.copy(tmp_path / "duckdb"),
        Workspace(tmp_path / "postgres", postgres.environment("parity")),
    ):
        home.folder.mkdir(exist_ok=True)
        home.dbt("--quiet", "compile", "--select", "fqn:*")
        days = ("--from", "2026-10-28", "--to", "2026-11-01", "--json")
        past = json.loads(home.seamline("preview", "new_customers", *days).stdout)
        base = json.loads(home.manifest.read_text())
        node = base["nodes"]["model.seamline.best_customers"]
        assert "order_count >= 3" in node["compiled_code"]
        node["compiled_code"] = node["compiled_code"].replace(
            "order_count >= 3", "order_count >= 5"
        )
        file = home.folder / "base.json"
        file.write_text(json.dumps(base))
        done = home.seamline("diff", "--base", str(file), "--json", check=False)
        assert done.returncode == 3, done.stderr
        said.append((past, json.loads(done.stdout)))
    on_duckdb, on_the_other = said
    assert on_duckdb[0]["entered"] > 0
    assert on_the_other == on_duckdb


def test_syncs_go_side_by_side(on_postgres: str, postgres: PostgresServer, tmp_path: Path) -> None:
    """Each in a process of its own, since the warehouse is a server; each channel gets its own."""
    workspace = Workspace(tmp_path, postgres.environment("parity"))
    workspace.dbt("--quiet", "compile", "--select", "fqn:*")
    with running_sandbox() as sandbox:
        settings = {**workspace.environment, "SEAMLINE_SANDBOX_URL": sandbox.url}
        with environment(settings):
            assert load_definitions().executor().name == "many_processes"
            ran = run_daily(dg.AssetSelection.groups("plans", "channels"))
            spans = _spans_of_steps(dg.DagsterInstance.from_config(str(dagster_home())))
        assert ran.failures == []
        assert {f"channels__{name}" for name in ran.syncs} == spans["channels"].keys()
        assert len(ran.syncs) == 6
        for name, said in ran.syncs.items():
            assert said["acknowledged"] == said["added"] + said["appended"] > 0, name
        assert sandbox.state("hubspot")["contacts"]
    # The first of the plans to end was still at work when another one began.
    begun = sorted(first for first, _ in spans["plans"].values())
    assert begun[1] < min(last for _, last in spans["plans"].values())


def _spans_of_steps(instance: dg.DagsterInstance) -> dict[str, dict[str, tuple[float, float]]]:
    """When each step of the only run began and ended, by what stands before its name."""
    [run] = instance.get_runs()
    begun: dict[str, float] = {}
    spans: dict[str, dict[str, tuple[float, float]]] = {}
    for entry in instance.all_logs(run.run_id):
        event, step = entry.dagster_event, str(entry.step_key)
        if event and event.is_step_start:
            begun[step] = entry.timestamp
        elif event and event.is_step_success:
            kind = step.partition("__")[0]
            spans.setdefault(kind, {})[step] = (begun[step], entry.timestamp)
    return spans


def test_the_comparison_sees_a_changed_value() -> None:
    one = Table(("id", "amount"), Counter({("1", "5.0000"): 1, ("2", "7.0000"): 1}))
    other = Table(("id", "amount"), Counter({("1", "5.0000"): 1, ("2", "7.0001"): 1}))
    assert _differences(one, other)
    assert not _differences(one, one)


def _connection(postgres: PostgresServer, database: str) -> str:
    return f"host=127.0.0.1 port={postgres.port} user={postgres.user} dbname={database}"


def _relations(manifest: Mapping[str, Any]) -> list[str]:
    """Every table of the compared layers; staging is views, read by all of these."""
    return sorted(
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        and node["schema"] in LAYERS
        and node["config"]["materialized"] != "ephemeral"
    )


def _compared(duck: Any, cursor: Any, relations: Iterable[str]) -> list[str]:
    """Say where relations differ."""
    differences = []
    for relation in relations:
        ours = _table(duck.execute(f"select * from {relation}"))
        cursor.execute(f"select * from {relation}")
        theirs = _table(cursor)
        differences += [f"{relation}: {line}" for line in _differences(ours, theirs)]
    return differences


def _table(cursor: Any) -> Table:
    columns = tuple(column[0] for column in cursor.description)
    return Table(columns, Counter(tuple(map(_plain, row)) for row in cursor.fetchall()))


def _plain(value: Any) -> str:
    """Numbers by value, however an engine types or pads them; everything else as it prints."""
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}"
    if isinstance(value, float):
        return f"{value:.12g}"
    return repr(value)


def _differences(ours: Table, theirs: Table) -> list[str]:
    if ours.columns != theirs.columns:
        return [f"columns {ours.columns} on DuckDB, {theirs.columns} on PostgreSQL"]
    only = {"DuckDB": ours.rows - theirs.rows, "PostgreSQL": theirs.rows - ours.rows}
    return [
        f"{rows.total()} rows only on {engine}, such as {next(iter(sorted(rows)))}"
        for engine, rows in only.items()
        if rows
    ]
