"""dbt as Dagster starts it says the same as dbt's own command line, in fewer words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROFILE = """
small:
  target: here
  outputs: {here: {type: duckdb, path: "%s", threads: 2}}
"""
MODELS = {
    "good": "select 1 as id",
    "bad": "select no_such_column",
    "below": "select * from {{ ref('bad') }}",
}

SILENT = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "profiles.yml").write_text(PROFILE % (tmp_path / "small.duckdb"))
    (tmp_path / "dbt_project.yml").write_text('{name: small, version: "1.0", profile: small}')
    (tmp_path / "models").mkdir()
    for name, sql in MODELS.items():
        (tmp_path / "models" / f"{name}.sql").write_text(sql)
    return tmp_path


def dbt(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    return subprocess.run(
        [sys.executable, "-m", "orchestration.dbt_events", *arguments, "--profiles-dir", "."],
        cwd=project,
        env={**ours, **SILENT, "DBT_LOG_PATH": str(project / "logs"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_line_is_an_event_and_none_is_for_debugging(project: Path) -> None:
    ran = dbt(project, "build")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {event["info"]["level"] for event in events} == {"info", "error"}
    results = {
        event["data"]["node_info"]["node_name"]: event["data"]["status"]
        for event in events
        if event["info"]["name"] == "LogModelResult"
    }
    assert results == {"good": "OK", "bad": "error"}
    assert ran.returncode == 1
    log = (project / "logs" / "dbt.log").read_text()
    assert "OK created sql view model main.good" in log and "no_such_column" in log


def test_success_and_what_never_began_are_told_apart(project: Path) -> None:
    assert dbt(project, "build", "--select", "good").returncode == 0
    refused = dbt(project, "build", "--no-such-option")
    assert refused.returncode == 2 and "--no-such-option" in refused.stderr


def test_a_secret_of_dbt_is_starred_out(project: Path) -> None:
    secret = {"DBT_ENV_SECRET_WORD": "no_such_column"}
    ran = dbt(project, "build", "--select", "bad", **secret)
    log = (project / "logs" / "dbt.log").read_text()
    assert "no_such_column" not in ran.stdout + log and "*****" in ran.stdout
