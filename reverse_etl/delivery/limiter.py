"""One adaptive limiter for what a host counts together: as fast as it allows, and never faster.

The pace is the smallest of what the destination declares, what the channel's headers say, and what
it has put up with so far: halved by a 429, raised step by step while all goes well. It holds in
every second, wherever that begins: vendors count by windows of their own. All syncs of a process
that talk to one host share one limiter, or one for each group of addresses that it counts apart.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reverse_etl.channel.destination import Limits

MARGIN = 1.01  # a channel's clock and ours do not tick alike
SLOWEST = 0.1  # requests per second
FASTEST = 10_000.0  # where no rate is declared
STEP = 0.02  # of the declared rate, after each answer that is no complaint
LONGEST_RESET = 3600.0
_RETRY_AFTER = ("retry-after", "x-ratelimit-retry-after", "x-rate-limit-retry-after")
_REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_RESET = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a response asks us to wait; ``None`` where it does not.

    Both forms are read: seconds, and an HTTP date. A date gone by means: now.
    """
    for name in _RETRY_AFTER:
        if name in headers:
            return _seconds(headers[name], now)
    return None


def _seconds(text: str, now: datetime) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max(0.0, (instant - now).total_seconds())


def exhausted_for(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until a used-up quota is filled again; ``None`` while some is left."""
    remaining = next((headers[name] for name in _REMAINING if name in headers), None)
    reset = next((headers[name] for name in _RESET if name in headers), None)
    try:
        if remaining is None or reset is None or float(remaining.split(",")[0]) > 0:
            return None
        seconds = float(reset.split(",")[0])
    except ValueError:
        return None
    if seconds > LONGEST_RESET * 24:  # an instant, not a duration
        seconds -= now.timestamp()
    return min(max(0.0, seconds), LONGEST_RESET)


class Limiter:
    """Paces requests that a host counts together; threads wait in ``acquire`` for their turn."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        per_minute: int = 0,
    ) -> None:
        self.declared = self.rate = rate or FASTEST
        self.per_minute = per_minute
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turns: deque[float] = deque()
        self._paused_until = 0.0
        self._slowed_at = float("-inf")

    def acquire(self, deadline: float = float("inf")) -> float | None:
        """Wait for a turn and return when it came; ``None`` where it would be after ``deadline``.

        Times are those of the limiter's clock.
        """
        while True:
            with self._lock:
                now = self._clock()
                turn = max(now, self._next_turn(), self._paused_until)
                if turn > deadline:
                    return None
                if turn <= now:
                    self._turns.append(now)
                    return now
            self._sleep(turn - now)

    def _next_turn(self) -> float:
        """Return when a second has passed since its share was used up, and a minute since its own.

        A pace that no second holds a whole number of, as after a complaint, is kept evenly.
        """
        fitting = int(self.rate) if float(self.rate).is_integer() else 1
        windows = [(fitting, fitting / self.rate)]
        if self.per_minute:
            windows.append((self.per_minute, 60.0))
        while len(self._turns) > max(most for most, _ in windows):
            self._turns.popleft()
        return max(
            self._turns[-most] + MARGIN * seconds if len(self._turns) >= most else 0.0
            for most, seconds in windows
        )

    def accept(self, headers: Mapping[str, str], now: datetime) -> None:
        """Note an answer that is no complaint about pace: the pace may rise again."""
        pause = exhausted_for(headers, now)
        with self._lock:
            self.rate = min(self.declared, self.rate + self.declared * STEP)
            if pause is not None:
                self._paused_until = max(self._paused_until, self._clock() + pause)

    def slow_down(self, sent_at: float, pause: float) -> None:
        """Note a 429: pause, and halve the pace once for all requests that were under way."""
        with self._lock:
            now = self._clock()
            self._paused_until = max(self._paused_until, now + pause)
            if sent_at > self._slowed_at:
                self.rate = max(SLOWEST, self.rate / 2)
                self._slowed_at = now

    def lower(self, rate: float, per_minute: int = 0) -> None:
        """Declare lower rates: the strictest of all syncs to one host counts."""
        with self._lock:
            self.declared = min(self.declared, rate or FASTEST)
            self.rate = min(self.rate, self.declared)
            self.per_minute = min(filter(None, (self.per_minute, per_minute)), default=0)


_limiters: dict[tuple[str, str], Limiter] = {}
_limiters_lock = threading.Lock()


def limiter_for(host: str, limits: Limits) -> Limiter:
    """Return the process's one limiter for what ``host`` counts together with these limits.

    It keeps them too from now on.
    """
    with _limiters_lock:
        counted = host, limits.group
        limiter = _limiters.setdefault(counted, Limiter(limits.requests_per_second))
        limiter.lower(limits.requests_per_second, limits.requests_per_minute)
        return limiter
