"""Two minutes of bad luck: does the channel hold what the warehouse holds in the end?

A table changes again and again while it is synced, the receiver fails, refuses and limits, and
every third run is killed. Then all is well once, and record by record the channel must equal the
warehouse. Printed: records that differ, beside the records there are.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.contacts import Contacts
from benchmarks.measure import compare, show, spent_by
from benchmarks.receiver import Receiver, receiving
from benchmarks.sync import SYNC

# Whatever comes of a run in bad weather: done, failed, refused or rejected.
ANY_END = (0, 1, 3, 4)
MOST_REFUSALS = 4  # one more, and the engine rightly stops asking about the same record
WEATHER: tuple[dict[str, Any], ...] = (
    {},
    {"fails_every": 3},
    {"per_second": 20},
    {"fails_every": 2, "delay": 0.02},
)


def bad_luck(contacts: Contacts, receiver: Receiver, seconds: float, chance: random.Random) -> int:
    """Change and sync for so long; return how many runs there were."""
    environment = contacts.environment(receiver.url)
    begun = time.monotonic()
    runs = 0
    while time.monotonic() - begun < seconds:
        runs += 1
        contacts.change(runs, one_in=20, gone_one_in=200)
        weather = {"refuses_every": 50} if runs <= MOST_REFUSALS else chance.choice(WEATHER)
        receiver.behave(keeps=True, remembers=True, **weather)
        if runs % 3:
            spent_by(SYNC, environment, expected=ANY_END)
        else:
            process = subprocess.Popen(
                SYNC,
                env={**os.environ, **environment},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(chance.uniform(0.5, 4.0))
            process.kill()
            process.wait()
    return runs


def differing(contacts: Contacts, receiver: Receiver) -> int:
    """Return how many records the channel has otherwise than the warehouse, or alone."""
    held = {key: fields["order_count"] for key, fields in receiver.held().items()}
    wanted = dict(contacts.execute("select contact_id, order_count from activation.sync_contacts"))
    return sum(held.get(key) != wanted.get(key) for key in held.keys() | wanted.keys())


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the bad luck lasts")
    parser.add_argument("--rows", type=int, default=20_000, help="contacts in the table")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as room, receiving() as receiver:
        contacts = Contacts(Path(room)).create(chosen.rows, rows=200)
        runs = bad_luck(contacts, receiver, chosen.seconds, random.Random(1))
        receiver.behave(keeps=True, remembers=True)
        for _ in range(2):  # the first may finish a run that was killed
            spent_by(SYNC, contacts.environment(receiver.url), expected=(0, 4))
        wrong, rows = differing(contacts, receiver), len(receiver.held())
        work = f"soak of {chosen.seconds:.0f} s, {runs} runs"
        show([compare(work, "records wrong", wrong, rows, "records held", 0)], chosen.json)


if __name__ == "__main__":
    main()
