"""One run of a sync at a time: the second waits, and says for whom.

Processes of one machine meet at a file; machines that share a PostgreSQL ledger meet there. Either
lock is gone with the process that held it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reverse_etl.contract.profile import Profile
from reverse_etl.errors import SeamlineError

log = logging.getLogger("seamline")

PATIENCE_SECONDS = 3600.0


class SyncLocked(SeamlineError):  # noqa: N818 - reads as what it says
    """Another process has been running the same sync for too long."""


@contextmanager
def sync_lock(
    profile: Profile, home: Path, sync: str, patience: float = PATIENCE_SECONDS
) -> Iterator[None]:
    """Hold the sync's lock on this machine, and among all machines that share its ledger.

    Raises:
        SyncLocked: it did not become free in time.
    """
    with _machine_lock(home, sync, patience), _ledger_lock(profile, sync, patience):
        yield


@contextmanager
def _machine_lock(home: Path, sync: str, patience: float) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = home / "locks"
    folder.mkdir(exist_ok=True, mode=0o700)
    with (folder / f"{sync}.lock").open("a+") as file:

        def is_taken() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        def owner() -> str:
            file.seek(0)
            return f"process {file.read().strip() or 'unknown'}"

        _wait(sync, is_taken, owner, patience)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def _ledger_lock(profile: Profile, sync: str, patience: float) -> Iterator[None]:
    if profile.dialect != "postgres":
        yield
        return
    from reverse_etl.warehouse.postgres import (  # noqa: PLC0415 - an extra
        lock_numbers,
        open_postgres,
    )

    numbers = lock_numbers(sync)
    with open_postgres(profile.settings) as warehouse:

        def is_taken() -> bool:
            return bool(warehouse.rows(f"select pg_try_advisory_lock({numbers})")[0][0])

        _wait(sync, is_taken, lambda: "another machine", patience)
        yield


def _wait(
    sync: str, is_taken: Callable[[], bool], owner: Callable[[], str], patience: float
) -> None:
    deadline = time.monotonic() + patience
    has_said = False
    while not is_taken():
        message = f"Sync '{sync}' is being run by {owner()}"
        if time.monotonic() > deadline:
            raise SyncLocked(f"{message}; gave up waiting for it.")
        if not has_said:
            log.warning("%s; waiting.", message)
            has_said = True
        time.sleep(0.1)
