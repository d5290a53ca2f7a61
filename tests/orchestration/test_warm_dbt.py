"""One dbt process, asked many times, says and does what dbt's command line would each time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.warm_dbt import WarmDbt

PROFILE = """
small:
  target: here
  outputs: {here: {type: duckdb, path: "%s", threads: 2}}
"""
MODELS = {
    "good": "select 1 as id",
    "bad": "select no_such_column",
    "below": "select * from {{ ref('bad') }}",
    "dated": 'select \'{{ env_var("SMALL_CLOCK", "never") }}\' as clock',
    # Its name is settled by the parse, not when it is built.
    "named": "{{ config(alias='at_' ~ env_var('SMALL_CLOCK', 'never')) }} select 1 as id",
    "long": "{{ config(materialized='table') }} select sum(a.range + b.range) as total "
    "from range(15000) as a, range(15000) as b",
    "after": "select * from {{ ref('long') }}",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A dbt project of its own, and an environment without the suite's settings for dbt."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "profiles.yml").write_text(PROFILE % (folder / "small.duckdb"))
    (folder / "dbt_project.yml").write_text('{name: small, version: "1.0", profile: small}')
    (folder / "models").mkdir()
    for name, sql in MODELS.items():
        (folder / "models" / f"{name}.sql").write_text(sql)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DBT_")]:
            patch.delenv(name)
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        yield folder


@pytest.fixture(scope="module")
def dbt(project: Path) -> Iterator[WarmDbt]:
    warm = WarmDbt(project, ["--profiles-dir", "."])
    assert warm.parsing.wait() == 0
    yield warm
    warm.close()


def build(dbt: WarmDbt, *selection: str, **environment: str) -> tuple[list[dict[str, Any]], int]:
    command = dbt.run(
        ["build", "--profiles-dir", ".", "--select", *selection], os.environ | environment
    )
    events = [json.loads(line) for line in command]
    return events, command.wait()


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def results(events: list[dict[str, Any]]) -> dict[str, str]:
    return {
        event["data"]["node_info"]["node_name"]: event["data"]["status"]
        for event in events
        if event["info"]["name"] == "LogModelResult"
    }


def rows(project: Path, relation: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project / "small.duckdb")) as connection:
        return connection.execute(f"select * from {relation}").fetchall()


def test_each_line_is_an_event_and_none_is_for_debugging(project: Path, dbt: WarmDbt) -> None:
    events, code = build(dbt, "good", "bad", "below")
    assert {event["info"]["level"] for event in events} == {"info", "error"}
    assert results(events) == {"good": "OK", "bad": "error"}
    assert code == 1
    log = (project / "logs" / "dbt.log").read_text()
    assert "OK created sql view model main.good" in log and "no_such_column" in log


def test_a_command_leaves_the_warehouse_free_and_the_next_one_as_able(
    project: Path, dbt: WarmDbt
) -> None:
    assert build(dbt, "bad")[1] == 1
    assert build(dbt, "good")[1] == 0
    # This process opens the file for itself, which it could not while another one holds it.
    assert rows(project, "good") == [(1,)]
    events, code = build(dbt, "good")
    assert (results(events), code) == ({"good": "OK"}, 0)


def test_each_command_has_an_environment_of_its_own(project: Path, dbt: WarmDbt) -> None:
    for clock in ("morning", "noon"):
        assert build(dbt, "dated", "named", SMALL_CLOCK=clock)[1] == 0
        assert rows(project, "dated") == [(clock,)]
        assert rows(project, f"at_{clock}") == [(1,)]
    assert build(dbt, "dated")[1] == 0
    assert rows(project, "dated") == [("never",)]


def test_success_and_what_never_began_are_told_apart(dbt: WarmDbt) -> None:
    refused = dbt.run(["build", "--no-such-option"], os.environ)
    said = b"".join(refused).decode()
    assert refused.returncode == 2 and "--no-such-option" in said


def test_a_secret_of_dbt_is_starred_out(tmp_path: Path, dbt: WarmDbt) -> None:
    command = dbt.run(
        ["build", "--profiles-dir", ".", "--select", "bad"],
        os.environ | {"DBT_ENV_SECRET_WORD": "no_such_column", "DBT_LOG_PATH": str(tmp_path)},
    )
    said = b"".join(command).decode()
    log = (tmp_path / "dbt.log").read_text()
    assert "no_such_column" not in said + log and "*****" in said


def test_an_interrupt_ends_the_command_and_not_the_process(project: Path, dbt: WarmDbt) -> None:
    command = dbt.run(["run", "--profiles-dir", ".", "--select", "long", "after"], os.environ)
    said = []
    for line in command:
        said.append(json.loads(line)["info"]["msg"])
        if "START sql table model main.long" in said[-1]:
            command.send_signal(signal.SIGINT)
    assert command.returncode not in {None, 0}
    assert not any("START sql view model main.after" in message for message in said)
    assert build(dbt, "good")[1] == 0


def test_it_ends_with_whoever_started_it(project: Path) -> None:
    script = (
        "import os; from pathlib import Path; from orchestration.warm_dbt import WarmDbt\n"
        f"warm = WarmDbt(Path({str(project)!r}), ['--profiles-dir', '.'])\n"
        "warm.parsing.wait(); print(warm._server.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    started = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    server = int(started.stdout)
    deadline = time.monotonic() + 30
    while is_running(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(server)


def test_a_project_that_cannot_be_parsed_is_told_in_dbts_words(project: Path) -> None:
    lost = project / "models" / "lost.sql"
    lost.write_text("select * from {{ ref('nobody') }}")
    warm = WarmDbt(project, ["--profiles-dir", "."])
    said = b"".join(warm.parsing).decode()
    assert warm.parsing.returncode == 2 and "nobody" in said
    warm.close()
    lost.unlink()
    assert not warm.is_alive
