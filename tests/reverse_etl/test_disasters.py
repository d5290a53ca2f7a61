"""What a machine can do to a run: full disks, lost warehouses, wrong clocks, other machines."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from reverse_etl.delivery.journal import Journal, read_journal
from reverse_etl.warehouse.lock import SyncLocked, sync_lock
from reverse_etl.warehouse.session import WarehouseError
from tests.postgres.server import PostgresServer
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.test_crash import until
from tests.reverse_etl.world import PostgresWorld, World, people

# Files of this process may not grow beyond what is given: writing more fails as on a full disk.
CRAMPED = """
import resource, signal, sys
from tests.reverse_etl.world import Channel, QUICK
from reverse_etl.errors import SeamlineError
from reverse_etl.contract.project import Project
from reverse_etl.sync import run_sync
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
project = Project.load(destinations={"tester": Channel(rows=5, concurrency=4)})
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
print(run_sync(project, "contacts", patience=QUICK).error, flush=True)
"""

# A journal on a disk that is full after some entries.
CRAMPED_JOURNAL = """
import resource, signal, sys
from pathlib import Path
from reverse_etl.delivery.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
with Journal(Path(sys.argv[1])) as journal:
    for number in range(100):
        try:
            journal.write({"batch": number, "endings": []})
        except OSError:
            print(number)
            break
"""

# A writer that is killed before it has written its log into the file. Replayed, each column takes a
# block of memory.
KILLED_WRITER = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("set checkpoint_threshold = '8GB'")
columns = ", ".join(f"range || '-{number}' as column_{number}" for number in range(60))
for number in range(40):
    connection.execute(f"create table wide_{number} as select {columns} from range(10)")
connection.execute("checkpoint")
connection.execute("begin")
for number in range(40):
    connection.execute(f"insert into wide_{number} select * from wide_{number}")
connection.execute("commit")
os._exit(9)
"""


def cramped(world: World, most_bytes: int) -> str:
    """Run a sync that may write files of so many bytes; return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(most_bytes)],
        check=False,
        env={**os.environ, **world.environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("most_bytes", [4_096, 60_000, 400_000])
def test_a_full_disk_at_any_step_loses_nothing(
    world: World, channel: Recorder, most_bytes: int
) -> None:
    """Making the ledger, writing the plan, or spooling and committing meets its limit."""
    world.declare()
    world.contacts(people(2_000))
    said = cramped(world, most_bytes)
    assert world.run().status == "done", said
    assert len(channel.held) == 2_000
    assert "File too large" in said
    assert max(channel.deliveries.values()) == 1
    assert world.ledger("select count(*), count(distinct key) from sync_snapshot") == [
        (2_000, 2_000)
    ]


def test_a_full_disk_takes_back_one_line_of_a_journal_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    script = [sys.executable, "-c", CRAMPED_JOURNAL, str(path)]
    written = int(subprocess.run(script, check=True, capture_output=True, timeout=60).stdout)
    assert written > 3
    assert [entry["batch"] for entry in read_journal(path)] == list(range(written))
    with Journal(path) as journal:
        journal.write({"batch": written, "endings": []})
    assert path.read_bytes().count(b"\n") == written + 1
    assert [entry["batch"] for entry in read_journal(path)] == list(range(written + 1))


def test_a_warehouse_that_is_gone_at_commit_is_committed_to_when_it_is_back(
    world: World, channel: Recorder
) -> None:
    world.declare()
    world.contacts(people(20))
    away = world.warehouse.with_suffix(".away")

    def fault(number: int, body: Any) -> None:
        if number == 1:
            world.warehouse.rename(away)

    channel.fault = fault
    with pytest.raises(WarehouseError, match="does not exist"):
        world.run()
    assert len(channel.held) == 20
    away.rename(world.warehouse)
    channel.clear()
    assert world.run().status == "done"
    assert channel.times == []
    assert world.ledger("select count(*) from sync_snapshot") == [(20,)]


def test_a_clock_that_goes_backwards_changes_nothing(world: World, channel: Recorder) -> None:
    world.declare("contacts", "mirror")
    world.contacts(people(10))
    assert world.run().acknowledged == 10
    years = [40.0 * 365 * 86_400]
    real = time.time

    def clock() -> datetime:
        years[0] += 3600
        return datetime.fromtimestamp(real() - years[0], UTC).replace(tzinfo=None)

    world.contacts(people(6))
    with (
        mock.patch("reverse_etl.sync.clock", clock),
        mock.patch("reverse_etl.ledger.runs.clock", clock),
        mock.patch("reverse_etl.planning.plan.clock", clock),
    ):
        result = world.run(overrides=["removed_fraction"])
    assert (result.status, result.removed) == ("done", 4)
    assert result.duration_seconds >= 0
    assert world.run().requests == 0
    assert set(channel.held) == {f"p{number}" for number in range(6)}
    numbers = world.ledger("select run_number from sync_runs order by run_number")
    assert numbers == [(1,), (2,), (3,)]


def test_two_machines_with_one_ledger_take_turns(
    tmp_path: Path,
    channel: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    postgres: PostgresServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = postgres.environment(postgres.create_database(f"machines_{uuid.uuid4().hex[:8]}"))
    world = PostgresWorld(tmp_path, settings=settings)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TESTER_URL", channel.url)
    world.create()
    world.declare()
    world.contacts(people(60))
    channel.delay = 0.2
    program = (
        "from tests.reverse_etl.world import Channel, QUICK\n"
        "from reverse_etl.contract.project import Project\n"
        "from reverse_etl.sync import run_sync\n"
        "project = Project.load(destinations={'tester': Channel(rows=5, concurrency=2)})\n"
        "print(run_sync(project, 'contacts', patience=QUICK).status)"
    )
    other = {**os.environ, **world.environment, "SEAMLINE_HOME": str(tmp_path / "elsewhere")}
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=other, stdout=subprocess.PIPE, text=True
    )
    until(lambda: channel.requests)
    with (
        pytest.raises(SyncLocked, match="is being run by another machine; gave up"),
        sync_lock(world.project().profile, world.home, "contacts", patience=0),
    ):
        pass
    result = world.run()
    out, _ = process.communicate(timeout=60)
    assert (out.strip(), result.status, result.requests) == ("done", "done", 0)
    assert "is being run by another machine; waiting" in caplog.text
    assert set(channel.deliveries.values()) == {1}


def test_a_log_too_long_for_a_reader_is_written_in(
    world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()
    world.contacts(people(20))
    file = str(world.warehouse)
    assert subprocess.run([sys.executable, "-c", KILLED_WRITER, file], check=False).returncode == 9
    log = Path(f"{file}.wal")
    assert log.stat().st_size > 0
    monkeypatch.setattr("reverse_etl.warehouse.duckdb.MEMORY_LIMIT", "60MB")
    assert world.run().acknowledged == 20
    assert not log.exists()
    assert world.run().acknowledged == 0
