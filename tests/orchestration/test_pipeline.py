"""The daily job, run for real: what arrived at the channels, and what a failed test holds back.

One story in one home, told in order: the first run fills the channels, the second sends nothing,
and then a test of one table fails. Each step of it is one fixture, so that a test says only what
it expects.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.arrivals import changed_files
from orchestration.local import dagster_home
from orchestration.run import Ran, run_daily
from reverse_etl.sandbox import Sandbox, running_sandbox
from tests.conftest import ROOT, Workspace
from tests.orchestration.conftest import environment, load_definitions

SECRETS = {
    "HUBSPOT_TOKEN": "pat-eu1-not-to-be-seen",
    "KLAVIYO_TOKEN": "pk_not-to-be-seen",
    "META_TOKEN": "EAAG-not-to-be-seen",
    "SEAMLINE_PG_PASSWORD": "postgres-not-to-be-seen",
    "SEAMLINE_ALERT_URL": "http://127.0.0.1:9/services/T0/not-to-be-seen",
}
HEALTHY, MADE_FROM_DEALS = "abandoned_cart", "open_deals_with_unresolved_tickets"
BROKEN_TEST = "select deal_id from {{ ref('deals') }}"
SYNCS = dg.AssetSelection.groups("plans", "channels")
MOVES = ("added", "changed", "removed", "appended")


@dataclass(frozen=True)
class House:
    """A copy of the project with a home and a sandbox of its own."""

    project: Path
    workspace: Workspace
    sandbox: Sandbox

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    project = folder / "dbt_project"
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(ROOT / "dbt_project", project, ignore=ignored)
    shutil.copytree(ROOT / "seeds" / "reference", folder / "seeds" / "reference")
    shutil.copytree(ROOT / "seeds" / "raw", folder / "seeds" / "raw")
    home = folder / "home"
    home.mkdir()
    with running_sandbox() as sandbox:
        settings = {
            "SEAMLINE_PROJECT_DIR": str(project),
            "SEAMLINE_SANDBOX_URL": sandbox.url,
            "SEAMLINE_MANIFEST": str(home / "manifest.json"),
            **SECRETS,
        }
        workspace = Workspace(home, settings)
        with environment(workspace.environment):
            yield House(project, workspace, sandbox)


@pytest.fixture(scope="module")
def first(house: House) -> Ran:
    """The whole job, from an empty home."""
    load_definitions()
    return run_daily()


@pytest.fixture(scope="module")
def second(house: House, first: Ran) -> Ran:
    """The syncs once more, nothing having changed."""
    return run_daily(SYNCS)


@pytest.fixture(scope="module")
def rehearsed(house: House, second: Ran) -> Ran:
    """A dry run of one sync, for an audience that has a member to add."""
    _forget_a_member(house, HEALTHY)
    options = {"dry_run": True, "syncs": ["klaviyo_audience_members"]}
    return run_daily(SYNCS, options)


@pytest.fixture(scope="module")
def third(house: House, rehearsed: Ran) -> Ran:
    """Deals fail a test, and two audiences have a member to add, one of them made from deals."""
    (house.project / "tests" / "assert_there_are_no_deals.sql").write_text(BROKEN_TEST)
    load_definitions()
    _forget_a_member(house, MADE_FROM_DEALS)
    return run_daily(
        dg.AssetSelection.assets(["marts", "deals"])
        | dg.AssetSelection.groups("activation")
        | SYNCS
    )


@pytest.fixture(scope="module")
def overridden(house: House, third: Ran) -> Ran:
    """The refused sync, sent in spite of the failed test."""
    options = {"syncs": ["files_open_deals"], "override": {"failed_tests": "there are deals"}}
    return run_daily(SYNCS, options)


@pytest.fixture(scope="module")
def evening(house: House, overridden: Ran) -> Ran:
    """What the micro-batch loop asks for in the evening, nothing having landed since midnight."""
    (house.project / "tests" / "assert_there_are_no_deals.sql").unlink()
    with duckdb.connect(str(house.workspace.warehouse)) as warehouse:
        # This story's clock; the results were written down by the machine's.
        warehouse.execute("update ops.dbt_results set executed_at = timestamp '2026-11-01 00:00'")
    repository = load_definitions().defs.get_repository_def()
    with environment({"SEAMLINE_AS_OF": "2026-11-01T23:00:00"}), dg.instance_for_test() as instance:
        seen = json.dumps(changed_files(*_landing(), {})[1])
        told = repository.get_sensor_def("changes")._raw_fn(
            dg.build_sensor_context(instance=instance, repository_def=repository, cursor=seen)
        )
        [request] = told.run_requests
        return run_daily(dg.AssetSelection.assets(*request.asset_selection))


def _landing() -> tuple[Path, set[str]]:
    folder = ROOT / "seeds" / "raw"
    return folder, {path.name for path in folder.iterdir()}


def _forget_a_member(house: House, audience: str) -> None:
    with duckdb.connect(str(house.workspace.folder / "sync.duckdb")) as ledger:
        ledger.execute(
            "delete from sync_snapshot where rowid = (select min(rowid) from sync_snapshot "
            "where sync = 'klaviyo_audience_members' and audience = ?)",
            [audience],
        )


def _metadata(*key: str) -> dict[str, Any]:
    """What the newest materialisation of an asset says."""
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    event = instance.get_latest_materialization_event(dg.AssetKey(key))
    assert event
    assert event.asset_materialization
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_the_first_run_succeeds(first: Ran) -> None:
    assert first.failures == []
    assert first.is_success
    assert {"landing", "warehouse"} < set(first.steps)


def test_every_channel_lets_us_in_and_lacks_nothing(house: House, first: Ran) -> None:
    seamline = Path(sys.executable).with_name("seamline")
    checked = subprocess.run(
        [seamline, "check", "--connect", "--json"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    asked = {row["destination"]: row["status"] for row in json.loads(checked.stdout)}
    assert {name for name, said in asked.items() if said == "good"} == {
        *("files", "hubspot", "klaviyo", "meta"),
    }


def test_identity_s_figures_are_on_its_assets(house: House, first: Ran) -> None:
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    shown = {}
    for model in ("people", "identity_refused", "identity_changes"):
        (record,) = instance.fetch_observations(dg.AssetKey(["marts", model]), limit=1).records
        observation = record.asset_observation
        assert observation
        shown |= {name: figure.value for name, figure in observation.metadata.items()}
    [(people,)] = house.rows("select count(*) from marts.people")
    assert shown["people"] == people
    [(blocked,)] = house.rows(
        "select count(*) from marts.identity_refused where reason = 'blocked'"
    )
    assert shown["refused: blocked"] == blocked > 0
    assert shown["created: 2026-11-01"] == people


def test_unit_tests_are_told_as_checks(first: Ran) -> None:
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    name = "test_two_campaigns_within_ninety_days_are_engagement"
    key = dg.AssetCheckKey(dg.AssetKey(["segments", "newsletter_engaged"]), name)
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.evaluation
    assert record.evaluation.passed


def test_contacts_arrive_at_hubspot(house: House, first: Ran) -> None:
    arrived = {
        contact["properties"]["email"]
        for contact in house.sandbox.state("hubspot")["contacts"].values()
    }
    sent = house.rows("select email from activation.sync_hubspot_contacts where email is not null")
    assert arrived
    assert arrived <= {email for (email,) in sent}
    assert len(arrived) == first.syncs["hubspot_contacts"]["acknowledged"]


def test_every_audience_arrives_under_its_label(house: House, first: Ran) -> None:
    for slug in ("klaviyo", "meta"):
        labels = house.rows(
            f"select distinct audience_label from activation.sync_{slug}_audience_members"
        )
        audiences = house.sandbox.state(slug)["audiences"]
        assert set(audiences) <= {label for (label,) in labels}
        size = sum(audience["size"] for audience in audiences.values())
        assert size == first.syncs[f"{slug}_audience_members"]["acknowledged"] > 0


def test_an_abandoned_cart_arrives_with_its_contents(house: House, first: Ran) -> None:
    members = house.sandbox.state("klaviyo")["audiences"]["Abandoned cart"]["members"]
    assert members
    assert all("items" in str(member) for member in members)


def test_nobody_arrives_without_consent(house: House, first: Ran) -> None:
    allowed = house.rows(
        "select people.email from marts.people inner join marts.current_consents as consents "
        "using (person_id) where consents.purpose = 'email_marketing' "
        "and consents.channel = 'email' and consents.state = 'granted'"
    )
    arrived = {
        profile["email"]
        for audience in house.sandbox.state("klaviyo")["audiences"].values()
        for profile in audience["members"]
        if profile.get("email")
    }
    assert arrived
    assert arrived <= {email for (email,) in allowed}


def test_orders_arrive_once(house: House, first: Ran) -> None:
    state = house.sandbox.state("webhook")
    assert (
        sum(len(rows) for rows in state["records"].values())
        == (first.syncs["webhook_orders"]["appended"])
    )
    assert not state["repeated"]


def test_the_manifest_is_published_compiled(house: House, first: Ran) -> None:
    published = (house.workspace.folder / "manifest.json").read_text()
    assert published.count('"compiled": true') > 50


def test_a_plan_says_what_would_be_sent(first: Ran) -> None:
    plan = _metadata("plans", "klaviyo_audience_members")
    assert plan["planned"] == plan["added"] == first.syncs["klaviyo_audience_members"]["added"]
    assert plan["verdict"] == "passed"
    assert "| suppressed |" in plan["held_reasons"]
    assert "| removed_fraction |" in plan["guards"]


def test_a_plan_s_sample_shows_no_address(house: House, first: Ran) -> None:
    sample = _metadata("plans", "klaviyo_audience_members")["sample"]
    # Of each operation and audience in turn, not five times the first.
    assert "| add |" in sample and "| hold |" in sample
    assert len({line.split(" | ")[1] for line in sample.splitlines()[2:]}) >= 2
    addresses = house.rows("select email from marts.people where email is not null")
    assert not [email for (email,) in addresses if email in sample]


def test_the_second_run_sends_nothing(second: Ran) -> None:
    assert second.is_success
    moved = {name: [sync[move] for move in MOVES] for name, sync in second.syncs.items()}
    assert len(moved) >= 5
    assert set(map(tuple, moved.values())) == {(0, 0, 0, 0)}, moved


def test_a_dry_run_plans_and_sends_nothing(house: House, rehearsed: Ran) -> None:
    assert rehearsed.is_success
    assert rehearsed.syncs == {}
    assert _metadata("plans", "klaviyo_audience_members")["added"] >= 1


def test_a_failed_test_fails_the_run_and_is_named(third: Ran) -> None:
    assert not third.is_success
    assert any("assert_there_are_no_deals" in failure for failure in third.failures)


def test_a_failed_test_stops_the_sync_that_reads_its_table(third: Ran) -> None:
    assert third.syncs["files_open_deals"]["status"] == "refused"
    refused = [failure for failure in third.failures if failure.startswith("files_open_deals")]
    assert "assert_there_are_no_deals" in refused[0]
    assert "--override failed_tests" in refused[0]


def test_a_refused_sync_is_stopped_at_its_plan(third: Ran) -> None:
    assert "plans__files_open_deals" not in third.steps
    assert "files_open_deals" not in third.steps
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    key = dg.AssetCheckKey(dg.AssetKey(["plans", "files_open_deals"]), "failed_tests")
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    evaluation = record.evaluation
    assert evaluation
    assert not evaluation.passed
    assert evaluation.blocking
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR


def test_a_healthy_sync_goes_although_a_test_failed(third: Ran) -> None:
    assert third.syncs["webhook_orders"]["status"] == "done"
    assert not [failure for failure in third.failures if failure.startswith("webhook_orders")]


def test_only_the_audiences_made_from_the_table_are_refused(third: Ran) -> None:
    audiences = "klaviyo_audience_members"
    (klaviyo,) = [failure for failure in third.failures if failure.startswith(audiences)]
    assert MADE_FROM_DEALS in klaviyo
    assert HEALTHY not in klaviyo
    assert third.syncs["klaviyo_audience_members"]["added"] == 1


def test_a_guard_is_overridden_with_a_reason_that_is_kept(house: House, overridden: Ran) -> None:
    assert overridden.is_success
    assert set(overridden.syncs) == {"files_open_deals"}
    with duckdb.connect(str(house.workspace.folder / "sync.duckdb"), read_only=True) as ledger:
        [(recorded,)] = ledger.execute(
            "select overrides from sync_runs where sync = 'files_open_deals' "
            "order by run_number desc limit 1"
        ).fetchall()
    assert recorded == "failed_tests: there are deals"


def test_who_falls_due_leaves_an_audience_by_nothing_happening(house: House, evening: Ran) -> None:
    [(due,)] = house.rows(
        "select count(*) from segments.segment_memberships where segment = 'abandoned_cart' "
        "and left_at = timestamp '2026-11-01 23:00'"
    )
    assert due >= 2
    # Deals are as broken as before: who reads them is refused still, and nobody else.
    assert all("hubspot_contacts" in failure for failure in evening.failures)
    channels = ("klaviyo_audience_members", "meta_audience_members")
    assert sum(evening.syncs[channel]["removed"] for channel in channels) >= 1
    assert "landing" not in evening.steps
    assert "webhook_orders" not in evening.syncs


def test_no_secret_is_left_on_disk(house: House, evening: Ran) -> None:
    searched = 0
    for path in house.workspace.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found = [name for name, secret in SECRETS.items() if secret.encode() in content]
            assert not found, f"{path} holds {found}"
            searched += 1
    assert searched > 50


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"syncs": ["files_deals"]}, "There is no sync 'files_deals'"),
        ({"override": {"failed_tests": "why"}}, "name the syncs it is for"),
        ({"syncs": ["webhook_orders"], "override": {"failed_tests": " "}}, "give the reason"),
        ({"syncs": ["webhook_orders"], "override": {"luck": "why"}}, "no guard 'luck'"),
        ({"as_of": "yesterday"}, "options.as_of 'yesterday' is no instant"),
    ],
)
def test_an_option_that_makes_no_sense_stops_the_run(
    evening: Ran, options: dict[str, Any], complaint: str
) -> None:
    ran = run_daily(dg.AssetSelection.assets(["plans", "webhook_orders"]), options)
    assert not ran.is_success
    assert complaint in ran.failures[0]


def test_a_build_waits_for_who_holds_the_warehouse_and_says_who(house: House, evening: Ran) -> None:
    code = "import duckdb, sys, time; held = duckdb.connect(sys.argv[1]); print(); time.sleep(3)"
    command = [sys.executable, "-u", "-c", code, str(house.workspace.warehouse)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        ran = run_daily(dg.AssetSelection.assets(["marts", "suppressions"]))
    assert ran.failures == []
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    [newest] = instance.get_runs(limit=1)
    told = [entry.user_message for entry in instance.all_logs(newest.run_id)]
    assert [message for message in told if f"is held by process {holder.pid}" in message]
