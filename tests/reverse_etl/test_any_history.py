"""Whatever happens to tables, wires and processes: in the end the channel equals the warehouse."""

from __future__ import annotations

import multiprocessing
import os
import random
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from reverse_etl.contract.project import Project
from reverse_etl.planning.diff import MOST_ATTEMPTS
from reverse_etl.sync import SyncResult, run_sync
from tests.postgres.server import PostgresServer
from tests.reverse_etl.recorder import Recorder, recording
from tests.reverse_etl.world import QUICK, Channel, PostgresWorld, World

TABLES = st.dictionaries(st.integers(0, 14), st.integers(0, 3), max_size=12)
KINDS = ("well", "well", "429", "500", "500 after", "partial", "refused", "hang up", "too late")
FAULTS = st.lists(st.sampled_from(KINDS), max_size=8)
OVERRIDES = ["zero_rows", "removed_fraction"]
HASTY = replace(QUICK, read_timeout=0.3)

# Its children start with everything imported, so that to kill one costs no second of start-up.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["__main__", __name__, "duckdb", "pyarrow", "urllib3"])


def sync() -> SyncResult:
    project = Project.load(destinations={"tester": Channel(rows=4, concurrency=3)})
    return run_sync(project, "copies", patience=HASTY, overrides=OVERRIDES)


def sync_in_a_process(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    sync()


def faulty(faults: list[str]) -> Callable[[int, Any], Any]:
    """Return a channel's behaviour: the faults in turn, then none."""
    ahead = list(faults)

    def fault(number: int, body: Any) -> Any:
        kind = ahead.pop(0) if ahead else "well"
        if kind == "too late":
            time.sleep(HASTY.read_timeout + 0.1)
        some = [
            {"index": i, "status": 422 if i % 3 == 0 else 200, "message": "no"}
            for i, _ in enumerate(body["records"])
        ]
        return {
            "429": (429, {"Retry-After": "0"}, {}),
            "500": (500, {}, {}),
            "500 after": (500, {"committed": ""}, {}),
            "refused": (400, {}, {"message": "no"}),
            "hang up": (0, {"committed": ""}, {}),
            "partial": (207, {}, {"results": some}),
        }.get(kind)

    return fault


class AnyHistory(RuleBasedStateMachine):
    """A table that changes, a channel that fails, a process that is killed; then all is well."""

    def __init__(self, postgres: PostgresServer | None) -> None:
        super().__init__()
        random.seed(0)
        self.closing = ExitStack()
        folder = Path(self.closing.enter_context(tempfile.TemporaryDirectory()))
        self.channel: Recorder = self.closing.enter_context(recording())
        self.world = World(folder)
        if postgres is not None:
            database = postgres.create_database(f"history_{uuid.uuid4().hex[:8]}")
            self.world = PostgresWorld(folder, settings=postgres.environment(database))
        self.environment = self.world.environment | {"TESTER_URL": self.channel.url}
        self.closing.enter_context(mock.patch.dict("os.environ", self.environment))
        self.world.create()
        self.world.declare("copies", "mirror")
        self.channel.held["theirs"] = {"name": "not ours"}
        self.refusals = 0
        self.change({1: 1, 2: 2, 3: 3, 4: 0, 5: 1, 6: 2, 7: 3, 8: 0, 9: 1})

    @rule(table=TABLES)
    def change(self, table: dict[int, int]) -> None:
        self.table = table
        rows = [(f"p{k}", f"person{k}@example.com", f"v{v}", v) for k, v in sorted(table.items())]
        self.world.contacts(rows, "copies")

    @rule(faults=FAULTS)
    def run(self, faults: list[str]) -> None:
        self.channel.fault = faulty(self.bearable(faults))
        result = sync()
        sent = result.added + result.changed + result.removed
        assert sent == result.acknowledged + result.rejected + result.pending
        if result.status == "done":
            assert not result.rejected and not result.pending

    @rule(
        faults=FAULTS,
        request=st.integers(1, 5),
        seconds=st.sampled_from([0.02, 0.1, 0.2, 0.3, 9.0, 9.0, 9.0]),
        arrives=st.booleans(),
        cut=st.integers(0, 40),
    )
    def kill(
        self, faults: list[str], request: int, seconds: float, arrives: bool, cut: int
    ) -> None:
        """Kill a run at a request, or sooner; its journal may lose the end of its last line."""
        before = faulty(self.bearable(faults))
        reached, dead = threading.Event(), threading.Event()

        def fault(number: int, body: Any) -> Any:
            if number != request:
                return before(number, body)
            reached.set()
            dead.wait(10)
            return None if arrives else (0, {}, {})

        self.channel.clear()
        self.channel.fault = fault
        process = processes.Process(target=sync_in_a_process, args=(self.environment,))
        process.start()
        until = time.monotonic() + seconds
        while process.is_alive() and not reached.wait(0.01) and time.monotonic() < until:
            pass
        process.kill()
        process.join()
        dead.set()
        for journal in self.world.home.glob("spool/copies/*/journal.jsonl"):
            os.truncate(journal, max(0, journal.stat().st_size - cut))

    def bearable(self, faults: list[str]) -> list[str]:
        """No more refusals than a record is sent again after; then the engine rightly gives up."""
        self.refusals += bool({"partial", "refused"} & set(faults))
        if self.refusals < MOST_ATTEMPTS:
            return faults
        return [kind for kind in faults if kind not in ("partial", "refused")]

    def teardown(self) -> None:
        try:
            self.channel.fault = lambda number, body: None
            assert sync().status == "done"
            assert {key: fields["name"] for key, fields in self.channel.held.items()} == {
                "theirs": "not ours",
                **{f"p{key}": f"v{value}" for key, value in self.table.items()},
            }
            assert sync().requests == 0
            self.every_record_has_a_verdict()
        finally:
            self.closing.close()

    def every_record_has_a_verdict(self) -> None:
        ledger = self.world.ledger
        assert ledger("select count(*), count(distinct key) from sync_snapshot") == [
            (len(self.table), len(self.table))
        ]
        assert ledger("select count(*) from sync_plan where operation <> 'hold'") == [(0,)]
        assert ledger(
            "select count(*) from sync_runs where status = 'sending' or added + changed + removed "
            "<> acknowledged + rejected + skipped + pending"
        ) == [(0,)]


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_in_the_end_the_channel_equals_the_warehouse(
    engine: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres") if engine == "postgres" else None
    run_state_machine_as_test(
        lambda: AnyHistory(server),
        settings=settings(
            max_examples=int(os.environ.get("SEAMLINE_TEST_HISTORIES", "6")),
            stateful_step_count=6,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        ),
    )
