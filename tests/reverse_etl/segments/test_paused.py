"""A segment's day is over: its audience stays as it is at the channel until it is prolonged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest

from reverse_etl.sandbox import Sandbox, running_sandbox
from tests.conftest import Workspace

SYNC, SEGMENT, LABEL = "klaviyo_audience_members", "abandoned_cart", "Abandoned cart"
ROWS = "activation.sync_klaviyo_audience_members"


@dataclass
class Channel:
    """A home whose audiences are at Klaviyo."""

    workspace: Workspace
    sandbox: Sandbox

    def sync(self) -> dict[str, object]:
        done = self.workspace.seamline("sync", "--select", SYNC, "--json", check=False)
        [result] = json.loads(done.stdout)
        return {**result, "code": done.returncode}

    def members(self) -> set[str]:
        audience = self.sandbox.state("klaviyo")["audiences"][LABEL]
        return {member["email"] for member in audience["members"]}

    def expire(self, day: str) -> None:
        """What the YAML says, and dbt, which leaves an expired segment out of the audiences."""
        path = self.workspace.folder / "manifest.json"
        manifest = json.loads(path.read_text())
        meta = manifest["nodes"][f"model.seamline.{SEGMENT}"]["config"]["meta"]
        meta["segment"]["expires_on"] = day
        path.write_text(json.dumps(manifest))

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.workspace.warehouse)) as connection:
            for statement in statements:
                connection.execute(statement)
            return connection.fetchall()


@pytest.fixture
def channel(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Channel]:
    folder = tmp_path_factory.mktemp("paused") / "home"
    with running_sandbox() as sandbox:
        manifest = str(folder / "manifest.json")
        settings = {"SEAMLINE_SANDBOX_URL": sandbox.url, "SEAMLINE_MANIFEST": manifest}
        found = Channel(built.copy(folder, **settings), sandbox)
        assert found.sync()["status"] == "done"
        yield found


def test_an_expired_audience_stays_as_it_is_and_goes_on_once_it_is_prolonged(
    channel: Channel,
) -> None:
    before = channel.members()
    assert len(before) >= 4, "more would be gone at once than the guard lets go"
    channel.expire("2026-11-01")
    channel.execute(
        f"create table kept as from {ROWS} where audience = '{SEGMENT}'",
        f"delete from {ROWS} where audience = '{SEGMENT}'",
    )
    paused = channel.sync()
    assert (paused["status"], paused["code"], paused["removed"]) == ("done", 0, 0)
    reasons = paused["held_reasons"]
    assert isinstance(reasons, dict)
    assert reasons["paused: the segment expired on 2026-11-01"] == len(before)
    assert channel.members() == before

    gone = min(before)
    channel.expire("2027-06-30")
    channel.execute(f"insert into {ROWS} from kept where email <> '{gone}'")
    prolonged = channel.sync()
    assert (prolonged["added"], prolonged["removed"]) == (0, 1)
    assert channel.members() == before - {gone}


def test_who_withdraws_their_consent_leaves_a_paused_audience(channel: Channel) -> None:
    before = channel.members()
    withdrawn = min(before)
    channel.expire("2026-11-01")
    channel.execute(
        f"delete from {ROWS} where audience = '{SEGMENT}'",
        "update marts.current_consents set state = 'denied' where purpose = 'email_marketing' "
        f"and person_id = (select person_id from marts.people where email = '{withdrawn}')",
    )
    assert channel.sync()["status"] == "done"
    assert channel.members() == before - {withdrawn}


def test_before_its_day_an_audience_that_ran_empty_is_a_fault(channel: Channel) -> None:
    before = channel.members()
    channel.expire("2026-11-02")
    channel.execute(f"delete from {ROWS} where audience = '{SEGMENT}'")
    refused = channel.sync()
    assert (refused["status"], refused["code"]) == ("refused", 3)
    assert channel.members() == before


def test_a_channel_of_which_all_audiences_are_paused_has_nothing_to_be_refused(
    channel: Channel,
) -> None:
    path = channel.workspace.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for node in manifest["nodes"].values():
        if segment := node["config"].get("meta", {}).get("segment"):
            segment["expires_on"] = "2026-10-31"
    path.write_text(json.dumps(manifest))
    channel.execute(f"delete from {ROWS}")
    result = channel.sync()
    assert (result["status"], result["removed"]) == ("done", 0)


def test_a_day_that_is_none_is_named_with_its_file(channel: Channel) -> None:
    channel.expire("soon")
    done = channel.workspace.seamline("sync", "--select", SYNC, check=False)
    assert done.returncode == 1
    assert "abandoned_cart.yml: config.meta.segment.expires_on" in done.stderr
