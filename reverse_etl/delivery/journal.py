"""The journal: every verdict, on disk before it is believed.

One JSON line per batch, written in one go as soon as the batch is decided, so that a killed process
loses none; and made durable in groups, so that a disk's latency is paid ten times a second and not
once per batch. What a crash cut short is the last line at most, and its batch is sent again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

GROUP_SECONDS = 0.1


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries that were written completely."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            entry = _entry(line)
            if entry is None:
                return
            yield entry


def _entry(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        entry = orjson.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


class Journal:
    """An append-only file of entries; use it as a context."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_dirty = False
        self._is_closing = threading.Event()

    def __enter__(self) -> Journal:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._length = self._complete_length()
        os.ftruncate(self._descriptor, self._length)
        self._thread = threading.Thread(target=self._keep_durable, name="journal", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closing.set()
        self._thread.join()
        os.fsync(self._descriptor)
        os.close(self._descriptor)

    def write(self, entry: dict[str, Any]) -> None:
        """Append one entry; when this returns it outlives the process.

        Raises:
            OSError: the disk is full; what was written of the line is taken back.
        """
        line = orjson.dumps(entry) + b"\n"
        with self._lock:
            written = 0
            try:
                while written < len(line):
                    written += os.write(self._descriptor, line[written:])
            except OSError:
                os.ftruncate(self._descriptor, self._length)
                raise
            self._length += written
            self._is_dirty = True

    def _complete_length(self) -> int:
        """Return where the last complete entry ends: new ones must not follow half a line."""
        length = 0
        with self._path.open("rb") as file:
            for line in file:
                if _entry(line) is None:
                    break
                length += len(line)
        return length

    def _keep_durable(self) -> None:
        while not self._is_closing.wait(GROUP_SECONDS):
            if self._is_dirty:
                self._is_dirty = False
                os.fsync(self._descriptor)
