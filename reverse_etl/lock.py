"""One run of a sync at a time: the second waits, and says for whom."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reverse_etl.errors import SeamlineError

log = logging.getLogger("seamline")

PATIENCE_SECONDS = 3600.0


class SyncLocked(SeamlineError):  # noqa: N818 - reads as what it says
    """Another process has been running the same sync for too long."""


@contextmanager
def sync_lock(home: Path, sync: str, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the sync's lock; the operating system frees it when the process dies.

    Raises:
        SyncLocked: it did not become free in time.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = home / "locks"
    folder.mkdir(exist_ok=True, mode=0o700)
    deadline = time.monotonic() + patience
    has_said = False
    with (folder / f"{sync}.lock").open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                file.seek(0)
                owner = file.read().strip() or "another process"
                if time.monotonic() > deadline:
                    raise SyncLocked(
                        f"Sync '{sync}' is being run by process {owner}; gave up waiting for it."
                    ) from None
                if not has_said:
                    log.warning("Sync '%s' is being run by process %s; waiting.", sync, owner)
                    has_said = True
                time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
