"""The example for a server: its settings start an instance, and nothing listens to strangers."""

from __future__ import annotations

import configparser
import re
import shutil
import uuid
from pathlib import Path

import dagster as dg
import pytest
import yaml

from tests.conftest import ROOT
from tests.postgres.server import PostgresServer

DEPLOY = ROOT / "orchestration" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


def _command(unit: Path) -> str:
    parser = configparser.ConfigParser()
    parser.read(unit)
    return parser["Service"]["ExecStart"]


def test_dagster_keeps_its_memory_in_postgresql(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgres.create_database("dagster")
    address = f"postgresql+psycopg2://{postgres.user}@127.0.0.1:{postgres.port}/{database}"
    monkeypatch.setenv("SEAMLINE_DAGSTER_DATABASE_URL", address)
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run = dg.DagsterRun(job_name="daily", run_id=str(uuid.uuid4()))
        instance.add_run(run)
        assert instance.run_monitoring_enabled
        assert instance.get_concurrency_config().pool_config.pool_granularity is not None
    stored = postgres.execute("select run_id from runs", database)
    assert run.run_id in stored


def test_nothing_listens_beyond_this_machine() -> None:
    commands = [_command(unit) for unit in UNITS]
    assert len(commands) == 4
    listening = [re.search(r" -h (\S+)", command) for command in commands]
    assert {found[1] for found in listening if found} == {"127.0.0.1"}
    [server] = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    assert set(server["grpc_server"]) == {"socket", "location_name"}
    assert server["grpc_server"]["socket"] in _command(DEPLOY / "seamline-code.service")


def test_the_example_holds_no_secret() -> None:
    lines = (DEPLOY / "seamline.env.example").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    secrets = {name for name in settings if re.search("PASSWORD|DATABASE_URL|ALERT_URL", name)}
    assert len(secrets) == 3
    assert {settings[name] for name in secrets} == {""}
    for unit in UNITS:
        assert "Environment=" not in unit.read_text()
