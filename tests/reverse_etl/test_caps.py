"""Nobody is contacted for a purpose more often than its caps allow, whatever the channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reverse_etl.contract.project import Project, SyncError
from reverse_etl.contract.purpose import PurposeError, read_purposes
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import AS_OF, PURPOSES, Channel, World

EVENT_COLUMNS = {
    "person_id": "string",
    "event_id": "string",
    "email": "string",
    "occurred_at": "timestamp",
}
COOLDOWN = timedelta(hours=6)
MOST, DAYS = 3, 2
CAPS = f"caps: {{cooldown_hours: 6, at_most: {MOST}, within_days: {DAYS}}}"


def capped(world: World, caps: str = CAPS) -> None:
    """Cap the purpose 'service', and declare three syncs that contact people for it."""
    content = PURPOSES.replace("Service., subject: person,", f"Service., subject: person, {caps}, ")
    assert content != PURPOSES
    (world.folder / "dbt_project" / "purposes.yml").write_text(content)
    for name in ("reminders", "thanks"):
        world.declare(name, "append", EVENT_COLUMNS, key=["event_id"])
        events(world, name, [])
    world.declare("members", "audience")
    world.members([])


def events(world: World, name: str, rows: Sequence[tuple[str, str, datetime]]) -> None:
    """Rebuild an event relation from person, event and instant."""
    full = [(person, event, f"{person}@example.com", at) for person, event, at in rows]
    types = "person_id text, event_id text, email text, occurred_at timestamp"
    world.rows(f"activation.sync_{name}", full, types)


def member(person: str, audience: str) -> tuple[str, str, str, str]:
    return (person, audience, "service", f"{person}@example.com")


def contacts(world: World) -> dict[str, list[datetime]]:
    """When each person was contacted, or may have been, as the changelog has it."""
    found: dict[str, list[datetime]] = {}
    for person, at in world.ledger(
        "select person_id, as_of from sync_changelog "
        "where status in ('acknowledged', 'uncertain') and purpose = 'service' "
        "and (operation = 'append' or (operation = 'add' and audience <> '')) order by 2"
    ):
        found.setdefault(person, []).append(at)
    return found


def held(world: World, sync: str) -> list[tuple[str, str]]:
    return world.ledger(
        f"select key, reason from sync_plan where sync = '{sync}' and operation = 'hold' "
        "order by key"
    )


def at(monkeypatch: pytest.MonkeyPatch, hours: float) -> datetime:
    now = AS_OF + timedelta(hours=hours)
    monkeypatch.setenv("SEAMLINE_AS_OF", now.isoformat())
    return now


def test_a_contact_on_one_channel_holds_back_the_next_on_another(
    anywhere: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = anywhere
    capped(world)
    at(monkeypatch, 0)
    events(world, "reminders", [("ada", "r2", AS_OF), ("ada", "r1", AS_OF - timedelta(hours=1))])
    events(world, "thanks", [("ada", "t1", AS_OF), ("ben", "t2", AS_OF)])
    assert world.run("reminders").appended == 1
    assert [record["key"] for record in channel.records] == ["r1"]  # the earlier one goes first
    assert held(world, "reminders") == [
        ("r2", "cooldown for service: 6 hours between two contacts")
    ]
    assert world.run("thanks").appended == 1
    assert channel.deliveries == {"r1": 1, "t2": 1}
    at(monkeypatch, 5.99)
    world.members([member("ada", "vips")])
    assert (world.run("members").added, world.run("thanks").appended) == (0, 0)
    at(monkeypatch, 6)
    assert world.run("members").added == 1
    at(monkeypatch, 12)
    assert world.run("thanks").appended == 1
    at(monkeypatch, 18)
    assert world.run("reminders").appended == 0
    assert held(world, "reminders") == [
        ("r2", "frequency cap for service: at most 3 within 2 days")
    ]
    at(monkeypatch, 48)  # the first contact has left the window
    assert world.run("reminders").appended == 1
    assert contacts(world)["ada"] == [AS_OF + timedelta(hours=h) for h in (0, 6, 12, 48)]


def test_leaving_and_changing_are_no_contacts_and_are_never_held(
    world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    capped(world)
    world.declare("contacts", "mirror")
    world.contacts([("ada", "ada@example.com", "Ada", 1)])
    assert world.run("contacts").added == 1  # a profile tells the channel, not the person
    world.members([member("ada", "vips")])
    assert world.run("members").added == 1
    world.contacts([("ada", "ada@example.com", "Ada L.", 1)])
    assert world.run("contacts").changed == 1
    world.members([])
    assert world.run("members", overrides=["zero_rows", "removed_fraction"]).removed == 1
    world.members([member("ada", "vips")])
    assert world.run("members").added == 0
    at(monkeypatch, 6)
    assert world.run("members").added == 1


def test_whom_two_ids_stood_for_has_one_allowance(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    capped(world)
    events(world, "reminders", [("ada", "r1", AS_OF), ("adele", "r2", AS_OF)])
    assert world.run("reminders").appended == 2
    world.sql(
        "create table marts.identity_changes (person_id text, to_person_id text, change text, "
        "sequence bigint)",
        "insert into marts.identity_changes values ('ada', 'ada', 'created', 1), "
        "('adele', 'adele', 'created', 1), ('adele', 'ada', 'merged', 2)",
    )
    at(monkeypatch, 6)
    events(world, "thanks", [("ada", "t1", AS_OF), ("ada", "t2", AS_OF)])
    assert world.run("thanks").appended == 1  # the third of three
    at(monkeypatch, 12)
    assert world.run("thanks").appended == 0


def test_what_may_have_arrived_counts(
    world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    capped(world)
    events(world, "reminders", [("ada", "r1", AS_OF)])
    channel.fault = lambda number, body: (0, {"committed": ""}, {})
    world.run("reminders")
    channel.fault = lambda number, body: None
    events(world, "thanks", [("ada", "t1", AS_OF)])
    assert world.run("thanks").appended == 0
    at(monkeypatch, 6)
    assert world.run("thanks").appended == 1


@pytest.mark.parametrize(
    ("caps", "complaint"),
    [
        ("caps: {at_most: 3}", "'at_most' and 'within_days' are one cap; write both"),
        ("caps: {}", "write 'cooldown_hours', or 'at_most' and 'within_days', or no caps"),
        ("caps: {cooldown_hours: 0}", "caps.cooldown_hours: Input should be greater than 0"),
        ("caps: {per_week: 3}", "caps.per_week: is not known; remove it"),
    ],
)
def test_a_cap_that_says_nothing_whole_is_refused(
    tmp_path: Path, caps: str, complaint: str
) -> None:
    path = tmp_path / "purposes.yml"
    path.write_text(PURPOSES.replace("Service., subject", f"Service., {caps}, subject"))
    with pytest.raises(PurposeError, match=complaint):
        read_purposes(path)


def test_logs_are_kept_for_as_long_as_caps_count_in_them(world: World) -> None:
    capped(world)
    (world.folder / "dbt_project" / "dbt_project.yml").write_text(
        "name: world\nvars: {live_targets: [], log_retention_days: 1}\n"
    )
    with pytest.raises(SyncError, match=r"the frequency cap .* looks back further"):
        Project.load(destinations={"tester": Channel()})
