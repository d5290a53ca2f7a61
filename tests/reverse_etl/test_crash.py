"""kill -9 at any instant, then run again: nothing lost, repeats only of what was in flight."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.delivery.journal import Journal, read_journal
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people

PROGRAM = """
import sys
from tests.reverse_etl.world import Channel, QUICK
from reverse_etl.contract.project import Project
from reverse_etl.sync import run_sync
project = Project.load(destinations={"tester": Channel(rows=5, concurrency=4)})
print(run_sync(project, "contacts", patience=QUICK).status, flush=True)
"""
IN_FLIGHT = 5 * 4


def start(world: World) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **world.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@pytest.mark.parametrize("arrived", [1, 23, 70])
def test_a_killed_run_is_finished_by_the_next(
    world: World, channel: Recorder, arrived: int
) -> None:
    world.declare()
    world.contacts(people(400))
    channel.delay = 0.02
    process = start(world)
    until(lambda: len(channel.requests) >= arrived)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(0.1)
    ids_before = set(channel.keys)
    second = start(world)
    out, err = second.communicate(timeout=120)
    assert out.strip() == "done", err
    assert "cut short; finishing it" in err
    assert len(channel.held) == 400
    repeats = sum(count - 1 for count in channel.deliveries.values())
    assert repeats <= IN_FLIGHT
    assert len(channel.keys) - len(set(channel.keys)) == repeats // 5
    assert ids_before <= set(channel.keys)
    assert world.ledger("select count(*), count(distinct key) from sync_snapshot") == [(400, 400)]
    assert not list((world.home / "spool").rglob("*.lines"))


def test_spool_and_journal_are_their_owners_alone_and_vanish(
    world: World, channel: Recorder
) -> None:
    world.declare()
    world.contacts(people(20))
    seen: dict[str, int] = {}

    def fault(number: int, body: Any) -> None:
        for path in [*world.home.rglob("*"), world.home]:
            if "locks" not in str(path):
                seen[path.name] = stat.S_IMODE(path.stat().st_mode)

    channel.fault = fault
    world.run()
    assert {"add.lines", "header.json", "journal.jsonl", "sync.duckdb"} <= set(seen)
    assert all(mode & 0o077 == 0 for mode in seen.values()), seen
    assert list((world.home / "spool" / "contacts").iterdir()) == []


def leave_unfinished(world: World, channel: Recorder) -> Path:
    """Stop a run after it has sent, before it is committed; return its spool."""

    class Stopped(BaseException):
        pass

    def stop(*_: Any, **__: Any) -> None:
        raise Stopped

    from reverse_etl import sync as story  # noqa: PLC0415

    original = story.end_run
    story.end_run = stop  # type: ignore[assignment]
    try:
        with pytest.raises(Stopped):
            world.run()
    finally:
        story.end_run = original
    (spool,) = (world.home / "spool" / "contacts").iterdir()
    return spool


def test_a_run_that_could_not_commit_is_committed_later_without_sending(
    world: World, channel: Recorder
) -> None:
    world.declare()
    world.contacts(people(20))
    leave_unfinished(world, channel)
    channel.clear()
    assert world.run().status == "done"
    assert channel.times == []
    assert world.ledger("select count(*) from sync_snapshot") == [(20,)]
    assert world.ledger("select status from sync_runs order by run_number") == [
        ("done",),
        ("done",),
    ]


def test_half_a_line_in_the_journal_costs_one_batch(world: World, channel: Recorder) -> None:
    world.declare()
    world.contacts(people(40))
    spool = leave_unfinished(world, channel)
    journal = spool / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])
    channel.clear()
    assert world.run().status == "done"
    assert len(channel.records) == 10
    assert world.ledger("select count(*) from sync_snapshot") == [(40,)]


def test_a_lost_disk_is_made_good_without_forgetting_anybody(
    anywhere: World, channel: Recorder
) -> None:
    world = anywhere
    world.declare("contacts", "mirror")
    world.contacts(people(20))
    shutil.rmtree(leave_unfinished(world, channel))
    channel.clear()
    world.contacts(people(15))
    result = world.run()
    assert (result.status, result.added, result.removed) == ("done", 15, 5)
    assert set(channel.held) == {f"p{number}" for number in range(15)}


def test_a_plan_that_was_never_begun_sends_nothing(world: World, channel: Recorder) -> None:
    world.declare()
    world.contacts(people(10))
    world.plan()
    assert world.run().acknowledged == 10
    assert all(count == 1 for count in channel.deliveries.values())


def test_two_runs_at_once_do_not_send_twice(
    world: World, channel: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    world.declare()
    world.contacts(people(60))
    channel.delay = 0.1
    process = start(world)
    until(lambda: channel.requests)
    result = world.run()
    out, _ = process.communicate(timeout=60)
    assert (out.strip(), result.status, result.requests) == ("done", "done", 0)
    assert all(count == 1 for count in channel.deliveries.values())
    assert f"is being run by process {process.pid}; waiting" in caplog.text


def test_a_locked_warehouse_is_waited_for(
    world: World, channel: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    world.declare()
    world.contacts(people(3))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb, time; c = duckdb.connect({str(world.warehouse)!r}); "
            "print('held', flush=True); time.sleep(1.5)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    assert world.run().status == "done"
    holder.communicate()
    assert f"(process {holder.pid}); waiting for it" in caplog.text


def test_the_warehouse_is_free_while_records_are_sent(world: World, channel: Recorder) -> None:
    world.declare()
    world.contacts(people(10))
    written: list[Any] = []

    def fault(number: int, body: Any) -> None:
        written.append(world.sql("create table marts.written as select 1", "select 1"))

    channel.fault = fault
    assert world.run().status == "done"
    assert written == [[(1,)]]


def test_a_full_disk_ends_a_run_and_loses_nothing(
    world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()
    world.contacts(people(100))
    original = Journal.write

    def full(journal: Journal, entry: Any) -> None:
        if entry.get("batch", 0) > 2:
            raise OSError(28, "No space left on device")
        original(journal, entry)

    monkeypatch.setattr(Journal, "write", full)
    result = world.run()
    assert result.status == "failed" and "No space left on device" in result.error
    monkeypatch.setattr(Journal, "write", original)
    assert world.run().status == "done"
    assert all(count == 1 for count in channel.deliveries.values())
    assert len(channel.held) == 100


def test_a_journal_keeps_what_was_written_by_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        threads = [
            threading.Thread(
                target=lambda n=n: [journal.write({"batch": n * 50 + i}) for i in range(50)]
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(entry["batch"] for entry in read_journal(path)) == list(range(400))
    path.write_bytes(path.read_bytes() + b'{"batch": 4')
    with Journal(path) as journal:
        journal.write({"batch": 400})
    assert len(list(read_journal(path))) == 401
