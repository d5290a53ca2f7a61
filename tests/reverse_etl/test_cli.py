"""The commands, as a shell sees them: what is printed where, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from reverse_etl.checking import app as checks
from reverse_etl.cli import app as engine
from reverse_etl.comparing import app as comparisons
from reverse_etl.errors import SeamlineError
from reverse_etl.sandbox.cli import app as stand_in
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people

app = typer.Typer()
app.add_typer(engine)
app.add_typer(checks)
app.add_typer(comparisons)
app.add_typer(stand_in)


@pytest.fixture
def ready(world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("WEBHOOK_URL", channel.url)
    world.declare("contacts", "mirror", destination="webhook", object="records")
    world.contacts(people(30))
    return world


def seamline(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def answered(*arguments: str) -> Any:
    result = seamline(*arguments, "--json")
    return json.loads(result.stdout)


def test_plan_then_sync_then_nothing_is_left(ready: World, channel: Recorder) -> None:
    result = seamline("plan")
    assert result.exit_code == 0
    assert "+ 30 to add" in result.stdout and "Nothing was sent" in result.stdout
    assert channel.times == []
    (synced,) = answered("sync")
    assert (synced["status"], synced["acknowledged"]) == ("done", 30)
    (planned,) = answered("plan")
    assert (planned["added"], planned["changed"], planned["removed"]) == (0, 0, 0)
    assert "nothing to do" in seamline("plan").stdout
    (standing,) = answered("status")
    assert (standing["held"], standing["last_run"]["status"]) == (30, "done")


def test_a_refusing_guard_ends_with_3_and_says_how_to_go_on(ready: World) -> None:
    seamline("sync")
    ready.contacts([])
    for command in ("plan", "sync"):
        result = seamline(command)
        assert result.exit_code == 3
        assert "guard zero_rows refuses" in result.stdout
        assert "--override zero_rows" in result.stdout
    shown = seamline("status").stdout
    assert "guard zero_rows refuses" in shown and "--override zero_rows" in shown
    told = {each["name"]: each["reason"] for each in answered("status")[0]["last_run"]["guards"]}
    assert told.keys() == {"zero_rows", "removed_fraction"} and told["zero_rows"] in shown
    overrides = ["--override", "zero_rows", "--override", "removed_fraction"]
    assert seamline("sync", *overrides).exit_code == 0


def test_rejected_records_end_with_4_and_are_shown_masked(ready: World, channel: Recorder) -> None:
    channel.fault = lambda number, body: (
        207,
        {},
        {
            "results": [
                {"index": i, "status": 422 if i == 0 else 200, "message": "bad: who@example.com"}
                for i, _ in enumerate(body["records"])
            ]
        },
    )
    result = seamline("sync")
    assert result.exit_code == 4
    shown = seamline("status").stdout
    assert "who@" not in result.stdout + shown and "w***@example.com" in result.stdout
    assert answered("status")[0]["open_rejections"] == 1


def test_keys_that_are_addresses_are_masked(
    world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", channel.url)
    world.declare("contacts", destination="webhook", object="records", key=["email"])
    world.contacts(people(3))
    shown = seamline("plan", "--rows", "5").stdout
    assert "add p***@example.com" in shown and "person1@" not in shown


def test_one_key_can_be_sent_alone(ready: World, channel: Recorder) -> None:
    assert seamline("sync", "--only", "p7").exit_code == 0
    assert set(channel.held) == {"p7"}


def test_what_the_user_can_mend_is_an_error_of_its_own(ready: World) -> None:
    result = seamline("sync", "--select", "contact")
    assert isinstance(result.exception, SeamlineError)
    assert "no sync 'contact'" in str(result.exception)


def test_a_failed_sync_ends_with_1(ready: World, channel: Recorder) -> None:
    channel.fault = lambda number, body: (401, {}, {})
    result = seamline("sync")
    assert result.exit_code == 1
    assert "answered 401" in result.stdout


def test_declarations_can_be_checked_without_warehouse_or_channel(
    ready: World, channel: Recorder
) -> None:
    ready.warehouse.unlink()
    assert seamline("check").exit_code == 0
    (checked,) = answered("check")
    assert checked["fields"] == ["email", "name", "score"] and checked["live"] is False
    assert channel.times == []


def test_destinations_say_what_they_need() -> None:
    found = {(row["destination"], row["object"]): row for row in answered("destinations")}
    assert {"hubspot", "klaviyo", "meta", "webhook", "files"} <= {name for name, _ in found}
    salesforce = found["salesforce", "any (Contact)"]
    assert salesforce["settings"].startswith("SALESFORCE_URL, [SALESFORCE_TOKEN*]")
    assert "or SALESFORCE_CLIENT_ID + SALESFORCE_CLIENT_SECRET* + " in salesforce["settings"]
    assert salesforce["needs"] == ["the scope api"]
    assert found["hubspot", "contacts"]["settings"] == "HUBSPOT_TOKEN*"
    assert found["files", "csv"]["settings"] == "[FILES_DIRECTORY]"


def test_the_sandbox_serves_this_machine_only() -> None:
    result = seamline("sandbox", "--host", "0.0.0.0")
    assert isinstance(result.exception, SeamlineError)
    assert "no loopback address" in str(result.exception)


def test_the_command_line_is_quick_to_load() -> None:
    program = "import sys, reverse_etl.cli; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"pandas", "dagster", "dbt", "duckdb", "pyarrow", "sqlglot", "requests"}
