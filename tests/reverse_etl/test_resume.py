"""Conversations of several steps that are cut short: what was asked is not asked again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.exchange import Conversation, Request, Verdict
from reverse_etl.conversation.verdicts import acknowledged
from reverse_etl.warehouse.dialect import IN_DOUBT
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.test_crash import until
from tests.reverse_etl.world import Channel, World, people

PROGRAM = """
import sys
from tests.reverse_etl import test_resume
from tests.reverse_etl.world import QUICK
from reverse_etl.contract.project import Project
from reverse_etl.sync import run_sync
channel = getattr(test_resume, sys.argv[1])(concurrency=2)
run_sync(Project.load(destinations={"tester": channel}), "contacts", patience=QUICK)
"""


class Importer(Channel):
    """Submits a job, then polls it, as channels with bulk imports want it."""

    def converse(self, batch: Batch) -> Conversation:
        job = {"job": batch.batch_id, "records": [{"operation": "upsert", "key": r.key,
               "fields": r.fields} for r in batch.records]}  # fmt: skip
        submitted = yield Request("POST", "", json=job, remembered=True)
        identity = submitted.json()["id"]
        while True:
            poll = {"poll": identity, "records": []}
            answer = yield Request("POST", "", json=poll, wait_before=0.02)
            if answer.json()["status"] == "complete":
                return acknowledged(batch.records)


class Once(Channel):
    """Sends what must not be sent twice."""

    def converse(self, batch: Batch) -> Conversation:
        records = [{"operation": "upsert", "key": r.key, "fields": r.fields} for r in batch.records]
        yield Request("POST", "", json={"records": records}, repeatable=False)
        return [Verdict(record.key, "acknowledged") for record in batch.records]


def killed(world: World, channel: str, when: Callable[[], bool]) -> None:
    """Run a sync in a process of its own and kill it as soon as something has happened."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, channel],
        env={**os.environ, **world.environment},
        stderr=subprocess.DEVNULL,
    )
    until(when)
    process.send_signal(signal.SIGKILL)
    process.wait()


def ready(world: World, count: int, mode: str = "upsert") -> None:
    world.declare("contacts", mode)
    world.contacts(people(count))


def test_a_job_is_polled_on_by_the_next_run_and_not_submitted_again(
    world: World, channel: Recorder
) -> None:
    ready(world, 20)
    jobs: list[str] = []
    polls: list[str] = []
    is_complete = False

    def fault(number: int, body: Any) -> Any:
        if "job" in body:
            jobs.append(body["job"])
            return 200, {}, {"id": body["job"]}
        polls.append(body["poll"])
        return 200, {}, {"status": "complete" if is_complete else "working"}

    channel.fault = fault
    killed(world, "Importer", lambda: len(set(polls)) == 2)
    is_complete = True
    world.channel = Importer()
    result = world.run()
    assert result.status == "done"
    assert len(jobs) == len(set(jobs)) == 2
    assert set(polls) == set(jobs)
    assert set(channel.deliveries.values()) == {1}
    known = f"select count(*) from sync_snapshot where fingerprint <> '{IN_DOUBT}'"
    assert world.ledger(known) == [(20,)]


def test_what_must_not_be_repeated_is_not_even_after_a_kill(
    world: World, channel: Recorder
) -> None:
    ready(world, 5, "mirror")
    channel.delay = 0.5
    killed(world, "Once", lambda: bool(channel.times))
    until(lambda: bool(channel.deliveries))
    channel.delay = 0
    world.channel = Once()
    result = world.run()
    assert len(channel.times) == 1
    assert (result.status, result.held_back) == ("rejected", 5)
    assert world.ledger("select distinct status, code from sync_changelog") == [
        ("rejected", "answer_lost")
    ]
    world.contacts([])
    again = world.run(overrides=["zero_rows", "removed_fraction"])
    assert again.removed == 5, "they may be at the channel, so they are taken away"


def test_what_a_killed_run_had_in_flight_is_never_forgotten(
    world: World, channel: Recorder
) -> None:
    """The channel took it, the run was killed, and at the next run nobody answered."""
    ready(world, 10, "mirror")
    channel.delay = 0.5
    killed(world, "Channel", lambda: bool(channel.deliveries))
    channel.delay = 0
    channel.fault = lambda number, body: (500, {}, {})
    assert world.run().pending == 10
    channel.fault = lambda number, body: None
    world.contacts(people(4))
    result = world.run(overrides=["removed_fraction"])
    assert (result.status, result.removed) == ("done", 6)
    assert set(channel.held) == {f"p{number}" for number in range(4)}
