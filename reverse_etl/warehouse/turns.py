"""Who has a DuckDB file open in this process: one after the other.

Two instances on one file would each cache pages that the other has changed, so whoever has it must
be done before the next one begins. It is handed over to who waits for the same file: to open one
again takes longer than most plans.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


class Turns:
    """The turns of a process; a ``place`` is what is opened, and who wants another opens that."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._counting = threading.Lock()
        self._waiting: Counter[Hashable] = Counter()
        self._open: tuple[Hashable, duckdb.DuckDBPyConnection] | None = None

    @contextmanager
    def take(
        self, place: Hashable, connect: Callable[[], duckdb.DuckDBPyConnection]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Wait for one's turn, and yield the instance, as it was handed over or opened.

        It is closed where nobody waits for it, and where its user failed.
        """
        self._count(place, 1)
        with self._one_at_a_time:
            self._count(place, -1)
            if self._open is not None and self._open[0] != place:
                self._close()
            if self._open is None:
                self._open = (place, connect())
            is_well = False
            try:
                yield self._open[1]
                is_well = True
            finally:
                if not (is_well and self.waiting(place)):
                    self._close()

    def waiting(self, place: Hashable) -> int:
        """Return how many wait for their turn with the same place."""
        return self._count(place, 0)

    def _count(self, place: Hashable, more: int) -> int:
        with self._counting:
            self._waiting[place] += more
            return self._waiting[place]

    def _close(self) -> None:
        assert self._open is not None
        (_, instance), self._open = self._open, None
        instance.close()
