"""A run of connected_components that is killed, or fails at its very end, has not been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.dbt.strangers import Engine, StrangersProject, not_ours, union_find

# What ends long after every test.
ENDLESS = {
    "duckdb": "select count(*) as endless from range(1000000000000)",
    "postgres": "select pg_sleep(100000) as endless",
}
SIDES = ("kept", "kept__edges", "kept__forest")


@pytest.fixture(scope="module")
def project(
    engine_of_strangers: Engine, tmp_path_factory: pytest.TempPathFactory
) -> StrangersProject:
    endless = ENDLESS[engine_of_strangers.profile["type"]]
    ends = {"hang": endless, "fail": "select * from nowhere"}
    hook = "{{ " + str(ends) + ".get(var('at_the_end', ''), 'select 1') }}"
    models = {
        "kept": (
            "select left_id, right_id from edges",
            {"incremental": "compare", "forest": True, "post_hook": hook},
        )
    }
    return StrangersProject(tmp_path_factory.mktemp("project"), engine_of_strangers, models)


def as_it_stands(project: StrangersProject) -> list[list[tuple[object, ...]]]:
    return [sorted(project.engine.rows(f"select * from {name}")) for name in SIDES]


def test_what_stood_before_a_killed_or_failed_run_stands(project: StrangersProject) -> None:
    """A partial run is killed, a full one fails."""
    edges = {("a", "b"), ("b", "c"), ("x", "y")}
    project.land(edges)
    assert project.run("kept", full_refresh=True) == {}
    before = as_it_stands(project)

    edges = (edges | {("c", "x"), ("n", "o")}) - {("a", "b")}
    project.land(edges)
    kill_at_the_end(project)
    assert as_it_stands(project) == before
    fails = ["--vars", "at_the_end: fail", "--select", "kept"]
    project.engine.dbt(project.folder, ["run", "--full-refresh", *fails])
    assert "nowhere" in (project.folder / "logs" / "dbt.log").read_text()
    assert as_it_stands(project) == before

    assert project.run("kept") == {}
    assert project.components("kept") == union_find(edges)
    assert project.tables() == ["edges", *SIDES]


def kill_at_the_end(project: StrangersProject) -> None:
    """Start a run whose last hook never ends; kill it there, when all is written but the commit."""
    log = project.folder / "logs" / "dbt.log"
    before = log.read_text().count("as endless")
    dbt = Path(sys.executable).with_name("dbt")
    process = subprocess.Popen(
        [dbt, "run", "--vars", "at_the_end: hang", "--select", "kept"],
        cwd=project.folder,
        env={**not_ours(), "DBT_PROFILES_DIR": str(project.folder)},
        stdout=subprocess.DEVNULL,
    )
    while log.read_text().count("as endless") == before:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if project.engine.profile["type"] == "postgres":
        # The server would find out when it next wrote to its client.
        project.engine.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%as endless%'"
            " and pid <> pg_backend_pid()"
        )
