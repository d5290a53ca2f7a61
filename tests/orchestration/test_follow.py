"""``seamline follow``: an event that lands, and one that does not come, reach Klaviyo at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.follower import Followed, Follower
from orchestration.local import dagster_home
from orchestration.reporting import report
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.sandbox import Sandbox, running_sandbox
from reverse_etl.segments.membership import explain_membership
from reverse_etl.segments.preview import preview
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import find_segment, instant_of
from reverse_etl.warehouse.opening import open_warehouse
from tests.conftest import Workspace
from tests.extracts import read_rows, write_rows

# Somebody who may be written to, and left no cart.
READER = """
    select people.person_id, people.email, events.anonymous_id, events.user_id
    from marts.people
    inner join marts.events on people.person_id = events.person_id and events.user_id is not null
    inner join marts.current_consents on people.person_id = current_consents.person_id
        and purpose = 'email_marketing' and state = 'granted'
    where people.email is not null and events.source_name = 'web'
        and people.person_id not in (select person_id from marts.carts where person_id is not null)
        and people.person_id not in (
            select person_id from marts.suppressions where person_id is not null
        )
    order by 1, 3 limit 1
"""


@pytest.fixture
def home(
    built: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Workspace, Sandbox]]:
    """A built home of one's own, in this process's environment, and a sandbox."""
    with running_sandbox() as sandbox:
        workspace = built.copy(tmp_path / "home", SEAMLINE_SANDBOX_URL=sandbox.url)
        for name, value in workspace.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("SEAMLINE_MANIFEST")
        monkeypatch.setenv("DBT_LOG_FORMAT_FILE", "text")
        yield workspace, sandbox


@pytest.fixture
def step(
    home: tuple[Workspace, Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Followed | None]:
    """Look once, at a time of the first of November."""
    (tmp_path / "landing").mkdir()
    follower = Follower(tmp_path / "landing")

    def step(at: str) -> Followed | None:
        monkeypatch.setenv("SEAMLINE_AS_OF", f"2026-11-01T{at}")
        return follower.step()

    return step


def test_a_cart_is_left_and_klaviyo_hears_of_it_when_the_half_hour_is_over(
    home: tuple[Workspace, Sandbox], step: Callable[[str], Followed | None], tmp_path: Path
) -> None:
    workspace, sandbox = home
    with duckdb.connect(str(workspace.warehouse), read_only=True) as warehouse:
        person, email, anonymous, user = warehouse.execute(READER).fetchall()[0]

    first = step("00:00:00")
    assert first is not None
    assert first.people == 0
    assert sum(result.acknowledged for result in first.syncs) > 500, "everybody, the first time"
    assert step("00:00:30") is None

    row = read_rows("web", "product_added")[0] | {"id": "left-behind", "sku": "SL-1016"}
    row |= {"anonymous_id": anonymous, "user_id": user, "cart_id": "c-left"}
    row |= dict.fromkeys(("timestamp", "received_at", "uuid_ts"), "2026-11-01T00:10:00Z")
    write_rows(tmp_path / "landing", "web", "product_added", row)
    settled = time.time() - 60
    os.utime(tmp_path / "landing" / "web" / "product_added.csv", (settled, settled))
    landed = step("00:15:00")
    assert landed is not None
    assert landed.landed == 1
    assert "webhook_orders" in {result.sync for result in first.syncs}
    assert "webhook_orders" not in {result.sync for result in landed.syncs}, "no order changed"
    assert _basket(sandbox, email) is None

    # What changes of others is the next full plan's to see.
    with duckdb.connect(str(workspace.warehouse)) as warehouse:
        warehouse.execute(
            "update activation.sync_hubspot_contacts set city = 'Elsewhere' "
            f"where person_id <> '{person}'"
        )
    left = step("00:45:00")
    assert left is not None
    assert left.landed == 0
    assert left.people >= 1
    assert _basket(sandbox, email) == ["SL-1016"]
    contacts = sandbox.state("hubspot")["contacts"].values()
    assert len(contacts) > 200
    assert not [each for each in contacts if each["properties"].get("city") == "Elsewhere"]

    # What is told of a segment is what its table holds by now, not by the last full build.
    project = Project.load()
    segment = find_segment(project.manifest, "abandoned_cart")
    with open_warehouse(project.profile, project.home) as opened:
        members = opened.rows("select person_id from segments.abandoned_cart order by 1")
        assert (person,) in members
        assert preview(project, opened, segment).size == len(members)
        assert instant_of(Replay(opened, project.manifest).timed(segment.sql)) == left.moment
        told = explain_membership(opened, project.manifest, segment, person)
    assert told.moment == left.moment
    assert told.explanation.is_member
    assert told.was_known

    report(left, workspace.folder / "manifest.json")
    with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
        made = instance.get_latest_materialization_event(
            dg.AssetKey(["segments", "abandoned_cart"])
        )
        sent = instance.get_latest_materialization_event(
            dg.AssetKey(["channels", "klaviyo_audience_members"])
        )
    assert made is not None
    assert made.asset_materialization is not None
    assert made.asset_materialization.metadata["people_touched"].value == left.people
    assert sent is not None


@pytest.mark.parametrize(
    ("changed", "looking"),
    [
        (["sessions", "timeline"], set()),
        (["sync_hubspot_contacts"], {"hubspot_contacts"}),
        (["current_consents"], None),
        (["suppressions"], None),
    ],
)
def test_a_sync_looks_where_its_rows_changed_and_all_do_where_a_consent_did(
    home: tuple[Workspace, Sandbox], changed: list[str], looking: set[str] | None
) -> None:
    follower, project, now = Follower(None), Project.load(), datetime(2026, 11, 1)
    assert set(follower._owing(project, {"people": 1, "changed": []}, now)) == {*project.syncs}
    follower._owed = dict.fromkeys(project.syncs)  # every sync has been through
    found = follower._owing(project, {"people": 1, "changed": changed}, now)
    assert set(found) == ({*project.syncs} if looking is None else looking)


def test_nothing_is_sent_while_a_refusal_may_lie_unread(
    home: tuple[Workspace, Sandbox], step: Callable[[str], Followed | None], tmp_path: Path
) -> None:
    workspace, sandbox = home
    with duckdb.connect(str(workspace.warehouse)) as warehouse:
        warehouse.execute(
            "insert into raw_consent.preferences by name select * replace ('refusal' as id, "
            "'denied' as state, 'later.csv' as _file) from raw_consent.preferences limit 1"
        )
    with pytest.raises(SeamlineError, match=r"raw_consent\.preferences: rows have landed that may"):
        step("00:00:00")
    assert sandbox.state("klaviyo")["audiences"] == {}
    assert not sandbox.state("hubspot")["contacts"]


def test_nothing_is_sent_while_a_file_of_refusals_cannot_be_read(
    home: tuple[Workspace, Sandbox], step: Callable[[str], Followed | None], tmp_path: Path
) -> None:
    _, sandbox = home
    file = tmp_path / "landing" / "consent" / "preferences.csv"
    file.parent.mkdir(parents=True)
    file.write_text("id,state\nrefusal,denied,cut\n")
    settled = time.time() - 60
    os.utime(file, (settled, settled))
    with pytest.raises(SeamlineError, match=r"preferences\.csv.* It may withdraw a consent"):
        step("00:00:00")
    assert not sandbox.state("hubspot")["contacts"]
    assert sandbox.state("klaviyo")["audiences"] == {}


def test_a_project_that_was_never_built_is_not_followed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SeamlineError, match="build the project first"):
        Follower(None)


def _basket(sandbox: Sandbox, email: str) -> list[str] | None:
    audience = sandbox.state("klaviyo")["audiences"].get("Abandoned cart")
    for member in audience["members"] if audience else ():
        if member["email"] == email:
            return [item["sku"] for item in member["properties"]["items"]]
    return None
