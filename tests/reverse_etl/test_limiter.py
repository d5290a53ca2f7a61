"""Pacing, on a clock that only moves when somebody sleeps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reverse_etl.channel.destination import Limits
from reverse_etl.delivery.limiter import Limiter, exhausted_for, limiter_for, retry_after

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def paced(rate: float) -> tuple[Limiter, Clock]:
    clock = Clock()
    return Limiter(rate, clock, clock.sleep), clock


def limits(per_second: float, per_minute: int = 0) -> Limits:
    return Limits(1, 1, per_second, requests_per_minute=per_minute)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Sun, 01 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"x-ratelimit-retry-after": "3"}, 3.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_both_forms_of_retry_after_are_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit-remaining": "0", "ratelimit-reset": "9"}, 9.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 20)}, 20.0),
        ({"x-ratelimit-remaining": "4", "x-ratelimit-reset": "9"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "later"}, None),
    ],
)
def test_a_used_up_quota_is_waited_for(headers: dict[str, str], seconds: float | None) -> None:
    assert exhausted_for(headers, NOW) == seconds


@pytest.mark.parametrize(("rate", "most"), [(5, 5), (2.5, 3), (0.5, 1), (50, 50)])
def test_no_second_sees_more_than_the_declared_rate_and_none_is_wasted(
    rate: float, most: int
) -> None:
    limiter, clock = paced(rate)
    turns = [turn for _ in range(int(20 * rate) + 1) if (turn := limiter.acquire()) is not None]
    in_a_second = [sum(1 for other in turns if 0 <= other - turn < 1) for turn in turns]
    assert max(in_a_second) <= most
    assert 20.0 <= turns[-1] - turns[0] <= 20.4
    assert clock.now == turns[-1]


def test_a_minute_has_a_share_of_its_own() -> None:
    clock = Clock()
    limiter = Limiter(10, clock, clock.sleep, per_minute=15)
    turns = [limiter.acquire() for _ in range(31)]
    assert turns[:15] == pytest.approx([1000.0] * 10 + [1001.01] * 5)
    assert turns[15:30] == pytest.approx([1060.6] * 10 + [1061.61] * 5)
    assert turns[30] == pytest.approx(1121.2)


def test_a_window_that_was_not_used_up_is_not_saved_up() -> None:
    limiter, clock = paced(5)
    limiter.acquire()
    clock.now += 60
    turns = [limiter.acquire() for _ in range(6)]
    assert turns[:5] == [clock.now - 1.01] * 5
    assert turns[5] == pytest.approx(clock.now)


def test_a_halved_pace_counts_what_was_sent_before() -> None:
    limiter, clock = paced(10)
    for _ in range(10):
        limiter.acquire()
    limiter.slow_down(clock(), 0.0)
    assert [limiter.acquire() for _ in range(6)] == pytest.approx([1001.01] * 5 + [1002.02])


def test_complaints_halve_the_pace_once_and_patience_restores_it() -> None:
    limiter, _ = paced(10)
    sent = limiter.acquire()
    assert sent is not None
    limiter.slow_down(sent, 2.0)
    limiter.slow_down(sent, 2.0)
    assert limiter.rate == 5
    assert limiter.acquire() == pytest.approx(1002.0)
    for _ in range(100):
        limiter.accept({}, NOW)
    assert limiter.rate == 10


def test_nobody_waits_beyond_their_patience() -> None:
    limiter, clock = paced(10)
    limiter.slow_down(clock(), 3600.0)
    assert limiter.acquire(deadline=clock() + 60) is None
    assert clock.now == 1000.0


def test_the_strictest_sync_to_a_host_sets_its_pace() -> None:
    first = limiter_for("strict.example.com", limits(50))
    assert limiter_for("strict.example.com", limits(5)) is first
    assert limiter_for("strict.example.com", limits(0)) is first
    assert first.rate == 5
    assert limiter_for("strict.example.com", limits(0, 150)).per_minute == 150
    assert limiter_for("strict.example.com", limits(0)).per_minute == 150
    assert limiter_for("strict.example.com", limits(0, 60)).per_minute == 60


def test_what_a_channel_counts_apart_is_paced_apart() -> None:
    imports = limiter_for("apart.example.com", Limits(1, 1, 10, group="imports"))
    deletions = limiter_for("apart.example.com", Limits(1, 1, 3, 4, 60, group="deletions"))
    assert (imports.rate, imports.per_minute) == (10, 0)
    assert (deletions.rate, deletions.per_minute) == (3, 60)
    assert limiter_for("apart.example.com", Limits(1, 1, 5, group="imports")) is imports
    assert (imports.rate, deletions.rate) == (5, 3)
