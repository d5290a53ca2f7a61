"""Faults on the wire: nothing lost, nothing taken for success, nobody hammered."""

from __future__ import annotations

import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.exchange import Conversation, Refused, Request, Response, Verdict
from reverse_etl.conversation.verdicts import one_by_one
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import Channel, World, people


def ready(world: World, count: int = 40, **limits: Any) -> None:
    world.channel = Channel(**limits)
    world.declare()
    world.contacts(people(count))


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_too_many_requests_pauses_everybody_as_long_as_asked(
    world: World, channel: Recorder, form: str
) -> None:
    ready(world, rows=10, concurrency=1)

    def fault(number: int, body: Any) -> Any:
        if number != 2:
            return None
        when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return 429, {"Retry-After": "1" if form == "seconds" else when}, {}

    channel.fault = fault
    result = world.run()
    assert (result.status, result.acknowledged, result.retries) == ("done", 40, 1)
    assert channel.times[2] - channel.times[1] >= 0.9
    assert channel.statuses.count(429) == 1


@pytest.mark.parametrize("status", [500, 503, 0])
def test_server_errors_and_lost_connections_are_retried_under_the_same_id(
    world: World, channel: Recorder, status: int
) -> None:
    ready(world, concurrency=2)
    seen: list[int] = []

    def fault(number: int, body: Any) -> Any:
        seen.append(number)
        return (status, {"committed": ""}, {}) if number in (1, 3) else None

    channel.fault = fault
    result = world.run()
    assert (result.status, result.acknowledged) == ("done", 40)
    assert len(channel.held) == 40
    assert len(channel.keys) == 6 and len(set(channel.keys)) == 4


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(
    world: World, channel: Recorder
) -> None:
    ready(world, 5)

    def fault(number: int, body: Any) -> Any:
        channel.delay = 1.5 if number == 1 else 0.0
        return None

    channel.fault = fault
    result = world.run()
    assert (result.status, result.acknowledged, result.retries) == ("done", 5, 1)


def test_a_channel_that_never_answers_leaves_everything_for_the_next_run(
    world: World, channel: Recorder
) -> None:
    ready(world, 200, concurrency=2)
    channel.fault = lambda number, body: (500, {}, {})
    result = world.run()
    assert (result.status, result.acknowledged, result.pending) == ("failed", 0, 200)
    assert "does not answer: 500" in result.error
    assert len(channel.times) < 20, "a dead channel is not asked for every batch"
    channel.fault = lambda number, body: None
    result = world.run()
    assert (result.status, result.acknowledged) == ("done", 200)


def test_who_may_have_arrived_is_not_forgotten(world: World, channel: Recorder) -> None:
    """The channel took the record and said 500; then the row left the relation."""
    world.declare("copies", "mirror")
    world.contacts(people(2), "copies")
    channel.fault = lambda number, body: (500, {"committed": ""}, {})
    assert world.run("copies").pending == 2
    assert set(channel.held) == {"p0", "p1"}
    channel.fault = lambda number, body: None
    world.contacts(people(1), "copies")
    result = world.run("copies")
    assert (result.added, result.removed, result.status) == (1, 1, "done")
    assert set(channel.held) == {"p0"}


def test_no_connection_means_that_nothing_arrived(
    world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(world, 5)
    monkeypatch.setenv("TESTER_URL", "http://127.0.0.1:9")
    result = world.run()
    assert (result.status, result.pending) == ("failed", 5)
    assert world.ledger("select count(*) from sync_snapshot") == [(0,)]
    assert world.ledger("select count(*) from sync_changelog") == [(0,)]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "(http_401: The channel does not accept the credentials); check TESTER_TOKEN."),
        (
            403,
            "(http_403: The credentials are not allowed to do this); it knows the credentials, and "
            "does not let them do this; `seamline check --connect` names what they need.",
        ),
    ],
)
def test_who_is_not_let_in_stops_the_sync_with_one_error(
    world: World, channel: Recorder, status: int, why: str
) -> None:
    ready(world, 200, concurrency=2)
    channel.fault = lambda number, body: (status, {}, {}) if number > 3 else None
    result = world.run()
    assert result.status == "failed"
    assert result.error == f"Tester answered {status} to connection 'tester' {why}"
    assert result.acknowledged == 30 and result.pending == 170
    assert len(channel.times) <= 8
    channel.fault = lambda number, body: None
    assert world.run().acknowledged == 170


def partial(bad: set[str]) -> Any:
    def fault(number: int, body: Any) -> Any:
        results = [
            {"index": i, "status": 422, "message": "who@example.com is no address"}
            if record["key"] in bad
            else {"index": i, "status": 200}
            for i, record in enumerate(body["records"])
        ]
        return 207, {}, {"results": results}

    return fault


def test_partly_refused_batches_resend_only_what_was_refused(
    world: World, channel: Recorder
) -> None:
    ready(world)
    channel.fault = partial({"p3", "p17"})
    result = world.run()
    assert (result.status, result.acknowledged, result.rejected) == ("rejected", 38, 2)
    assert result.rejections == (("422: w***@example.com is no address", 2),)
    channel.clear()
    again = world.run()
    assert (again.status, again.rejected) == ("rejected", 2)
    assert sorted(record["key"] for record in channel.records) == ["p17", "p3"]
    channel.fault = lambda number, body: None
    mended = world.run()
    assert (mended.status, mended.acknowledged) == ("done", 2)
    assert world.ledger("select count(*) from sync_rejected") == [(0,)]


def test_a_rejected_record_is_not_sent_forever_but_stays_visible(
    world: World, channel: Recorder
) -> None:
    ready(world, 3)
    channel.fault = partial({"p1"})
    for _ in range(5):
        world.run()
    channel.clear()
    result = world.run()
    assert channel.times == []
    assert (result.status, result.held_back) == ("rejected", 1)
    assert list(dict(result.held_reasons)) == ["rejected before: w***@example.com is no address"]
    channel.fault = lambda number, body: None
    world.contacts([*people(1), ("p1", "mended@example.com", "M", 1), *people(1, 2)])
    assert (world.run().status, channel.held["p1"]["name"]) == ("done", "M")


def test_a_rejection_that_nobody_asks_for_any_more_is_closed(
    world: World, channel: Recorder
) -> None:
    ready(world, 3)
    channel.fault = partial({"p1"})
    assert world.run().status == "rejected"
    world.contacts([row for row in people(3) if row[0] != "p1"])
    assert world.run().status == "done"


def test_a_poisonous_record_is_found_and_the_others_arrive(world: World, channel: Recorder) -> None:
    ready(world, 100, rows=50)

    def fault(number: int, body: Any) -> Any:
        bad = any(record["key"] == "p77" for record in body["records"])
        return (400, {}, {"message": "bad batch"}) if bad else None

    channel.fault = fault
    result = world.run()
    assert (result.acknowledged, result.rejected) == (99, 1)
    assert "p77" not in channel.held
    assert all(count == 1 for count in channel.deliveries.values())


def test_a_channel_that_refuses_everything_is_not_asked_a_million_times(
    world: World, channel: Recorder
) -> None:
    ready(world, 600, rows=300)
    channel.fault = lambda number, body: (400, {}, {"message": "no such property"})
    result = world.run()
    assert result.status == "failed"
    assert "refused 200 records in a row" in result.error
    assert len(channel.times) < 500
    assert result.acknowledged == 0 and result.rejected + result.pending == 600


class OneByOne(Channel):
    """Asks about each record by itself."""

    def converse(self, batch: Batch) -> Conversation:
        def tell(record: Record) -> Generator[Request, Response, Verdict]:
            body = {"records": [{"operation": "upsert", "key": record.key, "fields": {}}]}
            response = yield Request("POST", "", json=body)
            if not response.ok:
                raise Refused(str(response.status), str(response.json()["message"]))
            return Verdict(record.key, "acknowledged")

        return (yield from one_by_one(batch.records, tell))


@pytest.mark.parametrize(("good", "most_asked"), [(0, 320), (50, 600)])
def test_a_channel_that_refuses_one_by_one_is_not_asked_a_million_times(
    world: World, channel: Recorder, good: int, most_asked: int
) -> None:
    """But for one that takes some of them: its refusals are the records' own."""
    ready(world, 600)
    world.channel = OneByOne(rows=100, concurrency=2)

    def fault(number: int, body: Any) -> Any:
        return None if good and number % good == 0 else (422, {}, {"message": "no such property"})

    channel.fault = fault
    result = world.run()
    assert result.status == ("rejected" if good else "failed")
    assert ("records in a row" in result.error) == (not good)
    assert len(channel.times) <= most_asked
    assert result.acknowledged + result.rejected + result.pending == 600


def test_a_record_that_the_destination_forgets_is_not_taken_for_delivered(
    world: World, channel: Recorder
) -> None:
    class Forgetful(Channel):
        def converse(self, batch: Any) -> Any:
            verdicts = yield from super().converse(batch)
            return verdicts[1:]

    world.channel = Forgetful()
    world.declare()
    world.contacts(people(10))
    result = world.run()
    assert (result.status, result.acknowledged, result.pending) == ("failed", 9, 1)


def test_a_fault_of_our_own_in_one_batch_is_raised_and_the_next_run_finishes(
    world: World, channel: Recorder
) -> None:
    class Faulty(Channel):
        def converse(self, batch: Any) -> Any:
            if len(channel.requests) == 2:
                raise ZeroDivisionError(batch.batch_id)
            return (yield from super().converse(batch))

    world.channel = Faulty(concurrency=1)
    world.declare()
    world.contacts(people(100))
    with pytest.raises(ZeroDivisionError):
        world.run()
    world.channel = Channel(concurrency=1)
    world.declare()
    world.run()
    sent = [record["key"] for body in channel.requests for record in body["records"]]
    assert len(sent) == len(set(sent)) == 100


def test_batches_stay_within_rows_and_bytes(world: World, channel: Recorder) -> None:
    ready(world, 100, rows=7, bytes=1_000)
    world.run()
    sizes = [len(body["records"]) for body in channel.requests]
    assert sum(sizes) == 100 and max(sizes) <= 7


def test_requests_are_in_flight_together(world: World, channel: Recorder) -> None:
    """No request is answered before seven others have arrived; one at a time gets none."""
    ready(world, 160, concurrency=8)
    channel.together = threading.Barrier(8, timeout=20)
    assert world.run().status == "done"
    assert not channel.together.broken and len(channel.requests) == 16


def test_the_declared_rate_is_kept(world: World, channel: Recorder) -> None:
    ready(world, 300, requests_per_second=10, concurrency=8)
    world.run()
    # Ten at once, ten a second later, ten another second later. A loaded machine may see the first
    # of the thirty arrive late, never the last one early.
    assert max(channel.times) - min(channel.times) >= 2 * 0.9


def test_a_refusal_after_a_lost_answer_leaves_a_doubt(world: World, channel: Recorder) -> None:
    """The channel took the record, said 500, and refused it when it was asked again."""
    world.declare("copies", "mirror")
    world.contacts(people(1), "copies")
    answers: dict[int, Any] = {1: (500, {"committed": ""}, {}), 2: (400, {}, {"message": "no"})}
    channel.fault = lambda number, body: answers.get(number)
    assert world.run("copies").rejected == 1
    world.contacts([], "copies")
    assert world.run("copies", overrides=["zero_rows"]).removed == 1
    assert channel.held == {}


def test_a_plain_refusal_leaves_none(world: World, channel: Recorder) -> None:
    world.declare("copies", "mirror")
    world.contacts(people(1), "copies")
    channel.fault = lambda number, body: (400, {}, {"message": "no"})
    assert world.run("copies").rejected == 1
    world.contacts([], "copies")
    assert world.run("copies").removed == 0
