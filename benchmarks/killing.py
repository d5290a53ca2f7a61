"""Killing a sync at random instants, to see what is lost and what is sent twice."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.contacts import Contacts
from benchmarks.measure import spent_by
from benchmarks.receiver import Receiver


@dataclass(frozen=True)
class Toll:
    """What all kills together cost; ``most_repeated`` is of the worst of them."""

    lost: int
    most_repeated: int
    repeated_under_a_new_key: int


def kill_often(
    command: Sequence[str], contacts: Contacts, receiver: Receiver, kills: int, seed: int = 1
) -> Toll:
    """Kill so many fresh runs, at instants spread over a whole one, and run each to its end.

    Raises:
        RuntimeError: fewer than half of the runs were alive when they were to be killed.
    """
    chance = random.Random(seed)
    environment = contacts.environment(receiver.url)
    home = contacts.folder / "home"
    (rows,) = contacts.execute("select count(*) from activation.sync_contacts")[0]
    whole = spent_by(command, environment).wall
    lost, repeated, under_a_new_key, alive = 0, [0], 0, 0
    for _ in range(kills):
        shutil.rmtree(home, ignore_errors=True)
        receiver.behave(keeps=True)
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.1, 1.0) * whole)
        alive += process.poll() is None
        process.kill()
        process.wait()
        spent_by(command, environment)
        seen = receiver.seen()
        lost += rows - seen["keys"]
        repeated.append(seen["rows_repeated"])
        under_a_new_key += seen["rows_repeated_under_a_new_key"]
    receiver.behave()
    if 2 * alive < kills:
        raise RuntimeError(f"only {alive} of {kills} runs lived long enough to be killed")
    return Toll(lost, max(repeated), under_a_new_key)
