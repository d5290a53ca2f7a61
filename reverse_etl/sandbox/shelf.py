"""What a sandbox keeps when it ends: a file in the home, which one sandbox at a time may write."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from reverse_etl.errors import SeamlineError


class Shelf:
    """``sandbox.json`` in ``home``, held by one process until ``release``.

    ``sandbox.lock`` beside it says where that process serves.

    Raises:
        SeamlineError: another sandbox holds it; two would overwrite what arrived at the other.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.file = home / "sandbox.json"
        self._lock = (home / "sandbox.lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise SeamlineError(
                f"a sandbox is open already at {running_at(home)}; look there, or stop it first."
            ) from None

    def announce(self, url: str) -> None:
        """Say where the holder serves."""
        self._lock.truncate(0)
        self._lock.write(url)
        self._lock.flush()

    def load(self) -> dict[str, Any]:
        """Return what was stored last; nothing where nothing was.

        Raises:
            ValueError: the file is not JSON.
        """
        found: dict[str, Any] = json.loads(self.file.read_text()) if self.file.exists() else {}
        return found

    def store(self, content: str) -> None:
        """Replace what is stored by ``content``, JSON, in one step; only its owner can read it."""
        beside = self.file.with_suffix(".partial")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            file.write(content)
        beside.replace(self.file)

    def release(self) -> None:
        """Let the next one have it."""
        self._lock.truncate(0)
        self._lock.close()


def running_at(home: Path) -> str:
    """Return the address of the sandbox that serves ``home``; empty where none does."""
    file = home / "sandbox.lock"
    if not file.exists():
        return ""
    with file.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return lock.read()
    return ""
