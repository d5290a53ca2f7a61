"""A day of ``seamline follow``: 24 hourly landings, and what goes wrong on an ordinary day.

Every hour somebody leaves a cart, and an hour later is in Klaviyo's list of abandoned carts. A file
arrives cut short, Klaviyo is down for two hours, the site tells more and less than before, and the
process is killed while it sends. At the end the channels hold what the warehouse does, and Dagster
knows all of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.follower import Followed, Follower
from orchestration.local import dagster_home
from orchestration.reporting import report
from orchestration.troubles import Troubles
from reverse_etl.contract.project import Project
from reverse_etl.delivery.spool import find_spool, spool_folder
from reverse_etl.sandbox import Sandbox, running_sandbox
from reverse_etl.sync import plan_sync
from tests.conftest import Workspace
from tests.extracts import read_rows, write_rows

MIDNIGHT = datetime(2026, 11, 1)
HOURS = range(1, 25)
CUT_SHORT, MENDED, DOWN, UP, TOLD_ANEW, KILLED = 5, 7, 9, 11, 14, 18
KLAVIYO = ("klaviyo_audience_members", "klaviyo_cart_reminders")
# People who may be written to, each with a device of their own, and left no cart lately.
VISITORS = """
    select people.email, min(events.anonymous_id) as anonymous_id, min(events.user_id) as user_id
    from marts.people
    inner join marts.events on people.person_id = events.person_id and events.user_id is not null
    inner join marts.current_consents on people.person_id = current_consents.person_id
        and purpose = 'email_marketing' and state = 'granted'
    where people.email is not null and events.source_name = 'web'
        and people.person_id not in (select person_id from segments.abandoned_cart)
        and people.person_id not in (
            select person_id from marts.suppressions where person_id is not null
        )
    group by 1
    order by 1
    limit 24
"""


@dataclass
class Day:
    """A home in which the hours go by, and what each came to."""

    workspace: Workspace
    sandbox: Sandbox
    landing: Path
    visitors: list[tuple[str, str, str]]
    follower: Follower
    troubles: Troubles = field(default_factory=Troubles)
    batches: dict[int, Followed] = field(default_factory=dict)
    told: dict[int, list[str]] = field(default_factory=dict)
    lists: dict[int, set[str]] = field(default_factory=dict)

    def land(self, hour: int, table: str, *, cut: bool = False, anew: bool = False) -> None:
        """Let the hour's visitor put something into a cart, or look at it, ten minutes ago."""
        _, anonymous, user = self.visitors[hour - 1]
        at = f"{MIDNIGHT + timedelta(hours=hour, minutes=-10):%Y-%m-%dT%H:%M:%SZ}"
        row = read_rows("web", table)[0] | {"anonymous_id": anonymous, "user_id": user}
        row |= {"id": f"{table}-{hour}", "sku": "SL-1016"}
        row |= dict.fromkeys(("timestamp", "received_at", "uuid_ts"), at)
        if table == "product_added":
            row["cart_id"] = f"c-hour-{hour}"
        if anew:
            row["experiment"] = "b"
            del row["context_page_title"], row["sent_at"]
        write_rows(self.landing / ".draft", "web", table, row)
        content = (self.landing / ".draft" / "web" / f"{table}.csv").read_text().rstrip()
        file = self.landing / "web" / table / f"{hour:02}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.rpartition(",")[0] if cut else content)
        settled = time.time() - 60
        os.utime(file, (settled, settled))

    def look(self, hour: int) -> None:
        """Take up what the hour brought, as the command does."""
        os.environ["SEAMLINE_AS_OF"] = f"{MIDNIGHT + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S}"
        followed = self.follower.step()
        assert followed is not None
        report(followed, self.follower.manifest)
        self.told[hour] = self.troubles.tell(followed)
        self.batches[hour] = followed
        self.lists[hour] = self.left()

    def left(self) -> set[str]:
        """Who is in Klaviyo's list of abandoned carts."""
        audience = self.sandbox.state("klaviyo")["audiences"].get("Abandoned cart")
        return {member["email"] for member in audience["members"]} if audience else set()

    def email(self, hour: int) -> str:
        """The address of the hour's visitor."""
        return self.visitors[hour - 1][0]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def send_until_killed(self, hour: int) -> None:
        """Begin the hour with a process that is gone in the middle of what it sends to Klaviyo."""
        self.sandbox.fail("klaviyo", "slow", times=1000, seconds=3)
        moment = f"{MIDNIGHT + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S}"
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "follow", "--once"],
            env={**os.environ, "SEAMLINE_AS_OF": moment, "SEAMLINE_LANDING": str(self.landing)},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 240
        spool = spool_folder(self.workspace.folder, KLAVIYO[0])
        while not list(spool.glob("*/header.json")):
            assert process.poll() is None, "it ended before anybody killed it"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.sandbox.faults.clear()


@pytest.fixture(scope="module")
def day(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """The day, gone by."""
    landing = tmp_path_factory.mktemp("landing")
    with running_sandbox() as sandbox, pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("day") / "home"
        workspace = built.copy(folder, SEAMLINE_SANDBOX_URL=sandbox.url)
        for name, value in workspace.environment.items():
            patch.setenv(name, value)
        patch.delenv("SEAMLINE_MANIFEST")
        patch.setenv("DBT_LOG_FORMAT_FILE", "text")
        with duckdb.connect(str(workspace.warehouse), read_only=True) as warehouse:
            visitors = warehouse.execute(VISITORS).fetchall()
        assert len(visitors) == len(HOURS)
        gone_by = Day(workspace, sandbox, landing, visitors, Follower(landing))
        gone_by.look(0)
        for hour in HOURS:
            _live(gone_by, hour)
        gone_by.look(25)
        yield gone_by


def _live(day: Day, hour: int) -> None:
    day.land(hour, "product_added", cut=hour == CUT_SHORT, anew=hour >= TOLD_ANEW)
    if hour == CUT_SHORT:
        day.land(hour, "product_viewed")
    if hour == MENDED:
        day.land(CUT_SHORT, "product_added")
    if hour == DOWN:
        day.sandbox.fail("klaviyo", "error_before", times=100_000)
    if hour == UP:
        day.sandbox.faults.clear()
    if hour == KILLED:
        day.send_until_killed(hour)
        # Whoever looks after processes starts it again.
        day.follower = Follower(day.landing)
    day.look(hour)


def test_whoever_leaves_a_cart_is_in_the_list_an_hour_later(day: Day) -> None:
    late = {CUT_SHORT: MENDED, DOWN - 1: UP, DOWN: UP}
    for hour in HOURS:
        arrived = late.get(hour, hour + 1)
        assert day.email(hour) in day.lists[arrived], hour
        assert day.email(hour) not in day.lists[min(hour, arrived - 1)], hour


def test_a_file_that_is_cut_short_holds_nothing_else_up(day: Day) -> None:
    [told] = day.told[CUT_SHORT]
    assert f"product_added/{CUT_SHORT:02}.csv, line 2: expected 32 fields, found 31" in told
    assert day.batches[CUT_SHORT].landed == 1, "what somebody looked at, which lay behind it"
    assert day.told[CUT_SHORT + 1] == [], "told once"
    assert day.batches[CUT_SHORT + 1].landed == 1
    assert day.batches[MENDED].landed == 2


def test_a_channel_that_is_down_is_told_once_and_holds_no_other_up(day: Day) -> None:
    told = sorted(day.told[DOWN])
    assert len(told) == len(KLAVIYO)
    for sync, text in zip(KLAVIYO, told, strict=True):
        assert text.startswith(f"*{sync}* failed: 1 record got no verdict (")
        assert "500" in text
        assert f"seamline status --select {sync}" in text
    assert day.told[DOWN + 1] == []
    for hour in range(DOWN, UP):
        states = {result.sync: result.status for result in day.batches[hour].syncs}
        assert {sync for sync, status in states.items() if status != "done"} == {*KLAVIYO}
        assert "done" in states.values(), "other channels hear of the hour"
    assert {result.status for result in day.batches[UP].syncs} == {"done"}


def test_a_source_that_tells_more_and_less_goes_on(day: Day) -> None:
    assert day.rows("select count(*) from raw_web.product_added where experiment = 'b'") == [
        (len(HOURS) - TOLD_ANEW + 1,)
    ]
    assert day.rows(
        "select count(distinct cart_id) from marts.carts where cart_id like '%c-hour-%'"
    ) == [(len(HOURS),)]


def test_at_the_end_no_channel_lacks_anything(day: Day) -> None:
    project = Project.load()
    for name in project.syncs:
        plan = plan_sync(project, name)
        assert not any(plan.sending.values()), name
        assert find_spool(day.workspace.folder, name) is None
    members = {
        email
        for (email,) in day.rows(
            "select email from activation.sync_klaviyo_audience_members "
            "where audience = 'abandoned_cart'"
        )
    }
    assert {visitor[0] for visitor in day.visitors} <= day.left() <= members


def test_everybody_was_reminded_once(day: Day) -> None:
    events = day.sandbox.state("klaviyo")["events"].values()
    reminded = [
        event["email"]
        for event in events
        if event["metric"] == "Cart abandoned" and event["time"] > f"{MIDNIGHT:%Y-%m-%dT%H:%M:%SZ}"
    ]
    for email, _, _ in day.visitors:
        assert reminded.count(email) == 1


def test_dagster_tells_the_story(day: Day) -> None:
    with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
        landing = _observed(instance, "raw_web", "product_added")
        sync = dg.AssetKey(["channels", KLAVIYO[0]])
        down = _observed(instance, *sync.path)
        sent = instance.fetch_materializations(sync, limit=100).records
    [refused] = landing
    assert f"{CUT_SHORT:02}.csv, line 2" in refused
    assert len(down) == UP - DOWN
    assert all("500" in why for why in down)
    acknowledged = [
        int(str(record.asset_materialization.metadata["acknowledged"].value))
        for record in sent
        if record.asset_materialization
    ]
    assert sum(acknowledged) >= len(day.visitors)


def _observed(instance: dg.DagsterInstance, *key: str) -> list[str]:
    """Return what an asset's page says of what went wrong."""
    records = instance.fetch_observations(dg.AssetKey(list(key)), limit=100).records
    return [str(record.asset_observation.description) for record in records]
