"""The one story, from a relation in a real warehouse to a real HTTP server and back."""

from __future__ import annotations

import duckdb
import pytest

from reverse_etl.contract.project import SyncError
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people


def test_a_first_run_sends_everything_and_a_second_run_nothing(
    world: World, channel: Recorder
) -> None:
    world.declare()
    world.contacts(people(25))
    first = world.run()
    assert (first.status, first.added, first.acknowledged) == ("done", 25, 25)
    assert len(channel.held) == 25
    assert channel.held["p7"] == {"email": "person7@example.com", "name": "Person 7", "score": 7}
    channel.clear()
    second = world.run()
    assert (second.status, second.added, second.changed, second.requests) == ("done", 0, 0, 0)
    assert channel.times == []


def test_one_changed_row_sends_one_change_that_names_the_field(
    world: World, channel: Recorder
) -> None:
    world.declare()
    world.contacts(people(25))
    world.run()
    channel.clear()
    world.contacts([*people(24), ("p24", "new@example.com", "Person 24", 24)])
    assert dict(world.plan().changed_fields) == {"email": 1}
    result = world.run()
    assert (result.added, result.changed, result.acknowledged) == (0, 1, 1)
    (record,) = channel.records
    assert record["planned"] == "change"
    assert record["sent_match"] == {"email": "person24@example.com"}
    assert channel.held["p24"]["email"] == "new@example.com"
    log = world.ledger(
        "select key, operation, changed_fields, status from sync_changelog "
        "where operation = 'change'"
    )
    assert log == [("p24", "change", "email", "acknowledged")]


def test_logs_are_kept_as_long_as_the_project_says(world: World, channel: Recorder) -> None:
    world.declare()
    path = world.folder / "dbt_project" / "dbt_project.yml"
    for number in range(3):
        world.contacts(people(2 + number))
        world.run()
        with duckdb.connect(str(world.home / "sync.duckdb")) as connection:
            connection.execute("update sync_runs set started_at = started_at - interval 20 day")
    path.write_text("vars: {live_targets: [], log_retention_days: 30}")
    world.run()
    assert world.ledger("select count(*) from sync_runs") == [(2,)]
    assert world.ledger("select key from sync_changelog") == [("p3",)]
    assert world.ledger("select count(*) from sync_snapshot") == [(4,)]
    path.write_text("vars: {live_targets: [], log_retention_days: soon}")
    with pytest.raises(SyncError, match=r"vars.log_retention_days: 'soon' is no number of days"):
        world.project()
