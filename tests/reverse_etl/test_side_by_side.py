"""Syncs that run at the same time: each has a number, a log and an allowance of its own."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest

from reverse_etl.delivery.spooling import write_spool
from reverse_etl.ledger.runs import begin_run
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.test_caps import capped, contacts, events, held
from tests.reverse_etl.world import AS_OF, PostgresWorld, World, people

NAMES = ("contacts", "customers", "leads", "buyers")


def at_once(world: World, *names: str) -> list[Any]:
    with ThreadPoolExecutor(len(names)) as pool:
        return [each.result() for each in [pool.submit(world.run, name) for name in names]]


def test_first_runs_of_several_syncs_share_a_ledger(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    for name in NAMES:
        world.declare(name)
        world.contacts(people(20), name)
    # A DuckDB ledger has one user at a time.
    planned = threading.Barrier(len(NAMES) if isinstance(world, PostgresWorld) else 1)

    def begin(*given: Any, **named: Any) -> None:
        """Begin only when all have planned: none has seen what another wrote."""
        planned.wait(30)
        begin_run(*given, **named)

    with mock.patch("reverse_etl.sync.begin_run", begin):
        ended = at_once(world, *NAMES)
    assert [each.status for each in ended] == ["done"] * len(NAMES)
    numbers = world.ledger("select run_number from sync_runs order by run_number")
    assert numbers == [(1,), (2,), (3,), (4,)]
    logged = world.ledger("select sync, count(*) from sync_changelog group by 1 order by 1")
    assert logged == [(name, 20) for name in sorted(NAMES)]


def test_plans_that_are_made_at_once_do_not_share_an_allowance(
    anywhere: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = anywhere
    capped(world)
    events(world, "reminders", [("ada", "r1", AS_OF)])
    events(world, "thanks", [("ada", "t1", AS_OF)])
    has_counted = threading.Event()

    def write(*given: Any) -> Any:
        """Commit the first plan only once the second has had the time to begin."""
        if not has_counted.is_set():
            has_counted.set()
            time.sleep(1)
        return write_spool(*given)

    with (
        mock.patch("reverse_etl.sync.write_spool", write),
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(world.run, "reminders")
        assert has_counted.wait(30)
        second = pool.submit(world.run, "thanks")
        sent = first.result().appended + second.result().appended
    assert sent == 1
    assert len(contacts(world)["ada"]) == 1
    assert held(world, "thanks") == [("t1", "cooldown for service: 6 hours between two contacts")]
