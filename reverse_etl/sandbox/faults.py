"""Faults on demand: what goes wrong at real channels, once or some times, at one of ours.

| kind | what happens |
|---|---|
| ``rate_limit`` | 429 with ``Retry-After`` (option ``retry_after``, seconds or an HTTP date) |
| ``error_before`` | 500, nothing was changed |
| ``error_after`` | 500, although everything was changed |
| ``reject`` | records that contain ``match`` (default: the first of a request) are rejected |
| ``slow`` | the answer takes ``seconds`` (default 2) |
| ``disconnect`` | everything was changed, and the connection is closed without an answer |
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KINDS = ("rate_limit", "error_before", "error_after", "reject", "slow", "disconnect")


@dataclass
class Fault:
    """One planned fault; ``times`` is how many more requests it strikes."""

    slug: str
    kind: str
    times: int = 1
    retry_after: str = "1"
    seconds: float = 2.0
    match: str = ""
    path: str = ""


class Faults:
    """The planned faults of all channels."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, slug: str, kind: str, times: int = 1, **options: Any) -> None:
        """Plan a fault for the next ``times`` requests (whose path contains ``path``).

        Raises:
            ValueError: there is no such kind or option.
        """
        if kind not in KINDS:
            raise ValueError(f"there is no fault '{kind}'; there are {', '.join(KINDS)}")
        known = {"retry_after": str, "seconds": float, "match": str, "path": str}
        if unknown := sorted(set(options) - set(known)):
            raise ValueError(f"a fault has no '{unknown[0]}'; it has {', '.join(known)}")
        read = {name: known[name](value) for name, value in options.items()}
        with self._lock:
            self._planned.append(Fault(slug, kind, int(times), **read))

    def clear(self) -> None:
        """Forget every planned fault."""
        with self._lock:
            self._planned.clear()

    def strike(self, slug: str, path: str) -> Fault | None:
        """Return the fault that strikes this request, if one does, and count it."""
        with self._lock:
            for fault in self._planned:
                if fault.slug == slug and fault.path in path and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None


def picker(fault: Fault | None) -> Callable[[Any], bool]:
    """Return which records of a request a fault rejects: those that match, or only the first."""
    if fault is None or fault.kind != "reject":
        return lambda record: False
    remaining = [1]

    def picks(record: Any) -> bool:
        if fault.match:
            return fault.match in json.dumps(record, ensure_ascii=False)
        remaining[0] -= 1
        return remaining[0] >= 0

    return picks
