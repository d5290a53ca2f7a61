"""The micro-batch loop's eye: what it asks to be built, and when it asks for nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.arrivals import SETTLED_SECONDS
from orchestration.load import load_folder
from reverse_etl.contract.profile import read_profile
from tests.conftest import ROOT, Workspace
from tests.orchestration.conftest import environment, load_definitions

MIDNIGHT = "2026-11-01 00:00:00"


@dataclass
class Eye:
    """The sensor, with a warehouse and a landing folder of its own."""

    definitions: dg.Definitions
    workspace: Workspace
    landing: Path
    instance: dg.DagsterInstance
    cursor: str | None = None

    def look(self) -> dg.SensorResult | dg.SkipReason:
        repository = self.definitions.get_repository_def()
        sensor = repository.get_sensor_def("changes")
        context = dg.build_sensor_context(
            instance=self.instance, repository_def=repository, cursor=self.cursor
        )
        [told] = [sensor._raw_fn(context)]  # what the function says, before Dagster wraps it
        return told

    def settle(self) -> None:
        """Take the folder and the warehouse as they are for known."""
        told = self.look()
        assert isinstance(told, dg.SensorResult)
        self.cursor = told.cursor

    def execute(self, statement: str) -> None:
        with duckdb.connect(str(self.workspace.warehouse)) as warehouse:
            warehouse.execute(statement)


@pytest.fixture
def eye(built: Workspace, tmp_path: Path) -> Iterator[Eye]:
    landing = tmp_path / "landing"
    shutil.copytree(ROOT / "seeds" / "raw", landing)
    for file in landing.rglob("*.csv"):
        _age(file)
    workspace = built.copy(tmp_path / "home", SEAMLINE_LANDING=str(landing))
    with environment(workspace.environment), dg.instance_for_test() as instance:
        yield Eye(load_definitions().defs, workspace, landing, instance)


def _age(file: Path) -> None:
    written = time.time() - 2 * SETTLED_SECONDS
    os.utime(file, (written, written))


def _asked(told: dg.SensorResult | dg.SkipReason) -> set[str]:
    assert isinstance(told, dg.SensorResult), told
    assert told.run_requests, told.skip_reason
    [request] = told.run_requests
    assert request.asset_selection
    return {"/".join(key.path) for key in request.asset_selection}


def test_the_first_look_brings_everything_up_to_date_and_the_second_nothing(eye: Eye) -> None:
    asked = _asked(eye.look())
    assert {"raw_shop/order", "marts/people", "channels/hubspot_contacts"} <= asked
    assert "segments/segment_days" not in asked
    eye.settle()
    told = eye.look()
    assert isinstance(told, dg.SensorResult)
    assert not told.run_requests


def test_a_new_file_is_landed_and_only_what_is_below_it_is_built(eye: Eye) -> None:
    eye.settle()
    folder = eye.landing / "ads" / "spend"
    folder.mkdir()
    (eye.landing / "ads" / "spend.csv").rename(folder / "october.csv")
    new = folder / "november.csv"
    new.write_text((folder / "october.csv").read_text())
    still_growing = eye.look()
    _age(new)
    asked = _asked(eye.look())
    assert not isinstance(still_growing, dg.SkipReason)
    assert {"raw_ads/spend", "staging/stg_ads__spend", "marts/campaign_spend"} <= asked
    assert not {"marts/people", "raw_shop/order", "channels/hubspot_contacts"} & asked


def test_rows_that_somebody_else_landed_are_built_and_not_landed_again(
    eye: Eye, tmp_path: Path
) -> None:
    eye.settle()
    other = tmp_path / "other" / "desk"
    other.mkdir(parents=True)
    shutil.copy(ROOT / "seeds" / "raw" / "desk" / "ticket.csv", other / "ticket.csv")
    with (other / "ticket.csv").open("a") as file:
        file.write((other / "ticket.csv").read_text().splitlines()[1] + "\n")
    load_folder(other.parent, read_profile())
    asked = _asked(eye.look())
    assert {"marts/tickets", "plans/klaviyo_audience_members"} <= asked
    assert "raw_desk/ticket" not in asked
    assert "staging/stg_shop__orders" not in asked


def test_a_cart_falls_due_by_nothing_happening(eye: Eye, monkeypatch: pytest.MonkeyPatch) -> None:
    eye.settle()
    eye.execute(f"update ops.dbt_results set executed_at = timestamp '{MIDNIGHT}'")
    eye.execute(
        "update marts.carts set last_activity_at = timestamp '2026-10-31 23:50:00' "
        "where cart_id = (select min(cart_id) from marts.carts)"
    )
    monkeypatch.setenv("SEAMLINE_AS_OF", "2026-11-01T00:19:59")
    assert not _requests(eye)
    monkeypatch.setenv("SEAMLINE_AS_OF", "2026-11-01T00:20:00")
    asked = _asked(eye.look())
    assert {"marts/carts", "segments/abandoned_cart", "channels/klaviyo_audience_members"} <= asked
    assert "marts/orders" not in asked


def test_one_state_is_answered_once(eye: Eye) -> None:
    eye.settle()
    eye.execute("insert into raw_ads.spend select * from raw_ads.spend limit 1")
    first, again = _requests(eye), _requests(eye)
    assert first[0].run_key == again[0].run_key
    eye.execute("insert into raw_ads.spend select * from raw_ads.spend limit 1")
    assert _requests(eye)[0].run_key != first[0].run_key


def test_it_waits_for_a_run_that_is_under_way(eye: Eye) -> None:
    eye.instance.add_run(dg.DagsterRun(job_name="daily", status=dg.DagsterRunStatus.STARTED))
    told = eye.look()
    assert isinstance(told, dg.SkipReason)
    assert "under way" in str(told.skip_message)


def test_it_says_who_holds_the_warehouse(eye: Eye) -> None:
    eye.settle()
    code = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(eye.workspace.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        told = eye.look()
    finally:
        holder.communicate()
    assert isinstance(told, dg.SkipReason)
    assert f"(process {holder.pid})" in str(told.skip_message)


def test_a_misplaced_file_is_named(eye: Eye) -> None:
    eye.settle()
    (eye.landing / "stray.csv").write_text("a\n1\n")
    with pytest.raises(Exception, match=r"stray\.csv lies in an unexpected place"):
        eye.look()


def _requests(eye: Eye) -> list[dg.RunRequest]:
    told = eye.look()
    assert isinstance(told, dg.SensorResult)
    return list(told.run_requests or [])
