"""What the sync engine costs, beside the peer, a bare loop, or what a vendor's limit allows.

Times are wall seconds of whole processes, start-up included, against one loopback receiver in a
process of its own (``benchmarks.receiver``). Ours plans, asks for consent and keeps its durable
ledger throughout. The peer is drt, tuned as in ``benchmarks.drt``.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import drt, killing
from benchmarks.contacts import Contacts
from benchmarks.measure import Row, Spent, alternate, compare, show, spent_by
from benchmarks.receiver import Receiver, receiving

SYNC = [sys.executable, "-m", "orchestration.cli", "sync", "--select", "contacts"]
BARE = [sys.executable, "-m", "benchmarks.bare"]
MOST_MEGABYTES = 500.0


@dataclass(frozen=True)
class Bench:
    """One run of the benchmarks: ``rows`` in the large table, in ``room``, ``rounds`` each."""

    room: Path
    receiver: Receiver
    rows: int
    rounds: int

    def contacts(self, count: int, **limits: float) -> Contacts:
        """Return a fresh project of so many contacts; nothing has been sent of them."""
        folder = Path(tempfile.mkdtemp(dir=self.room))
        return Contacts(folder).create(count, **limits)

    def sync(self, contacts: Contacts, expected: int = 0) -> Spent:
        """Run ours once."""
        return spent_by(SYNC, contacts.environment(self.receiver.url), expected=(expected,))

    @cached_property
    def peer(self) -> Path:
        """The peer's command."""
        return drt.install(self.room / "drt")

    def run_peer(self, project: Path) -> Spent:
        """Run the peer once."""
        return spent_by([self.peer, "run"], {"HOME": str(project)}, project)

    def first_run(self) -> Iterator[Row]:
        """Everything is new: against the peer, and against a loop that remembers nothing."""
        contacts = self.contacts(self.rows)
        project = self.room / "first"
        bare = [*BARE, contacts.warehouse, self.receiver.url, 1000, 8]

        def ours() -> float:
            shutil.rmtree(contacts.folder / "home", ignore_errors=True)
            return self.sync(contacts).wall

        def peer() -> float:
            shutil.rmtree(project, ignore_errors=True)
            return self.run_peer(drt.create(project, contacts, self.receiver.url, 1000)).wall

        work = f"first run of {self.rows:,}"
        _ = self.peer
        mine, theirs = alternate(self.rounds, ours, peer)
        yield compare(work, "s", mine, theirs, "drt", 1 / 3)
        mine, theirs = alternate(self.rounds, ours, lambda: spent_by(bare, {}).wall)
        yield compare(work, "s", mine, theirs, "bare loop", 2)

    def later_runs(self) -> Iterator[Row]:
        """One in a hundred changed and one in a thousand gone; then nothing at all."""
        contacts = self.contacts(self.rows)
        project = drt.create(self.room / "later", contacts, self.receiver.url, 1000)
        self.sync(contacts)
        self.run_peer(project)
        changed, cursor, nothing = [], [], []
        for day in range(1, self.rounds + 1):
            contacts.change(day)
            changed.append(self.sync(contacts).wall)
            cursor.append(self.run_peer(project).wall)
            nothing.append(self.sync(contacts).wall)
        mine = statistics.median(changed)
        work = f"1 % changed, 0.1 % gone of {self.rows:,}, full diff"
        yield compare(work, "s", mine, statistics.median(cursor), "drt by cursor", 2)
        work = f"nothing changed of {self.rows:,}"
        yield compare(work, "s", statistics.median(nothing), mine, "1 % changed", 1)

    def latency(self) -> Iterator[Row]:
        """The receiver answers in 50 ms; a hundred rows a request, 32 in flight.

        By whole processes, plan and ledger included; and by the requests alone, from the first to
        the last as the receiver saw them come.
        """
        rows = min(self.rows, 100_000)
        contacts = self.contacts(rows, rows=100, concurrency=32)
        bare = [*BARE, contacts.warehouse, self.receiver.url, 100, 32]
        spans: dict[str, list[float]] = {"ours": [], "bare": []}

        def seen(whose: str, run: Callable[[], Spent]) -> float:
            self.receiver.behave(delay=0.05)
            wall = run().wall
            spans[whose].append(self.receiver.seen()["seconds"])
            return wall

        def ours() -> float:
            shutil.rmtree(contacts.folder / "home", ignore_errors=True)
            return seen("ours", lambda: self.sync(contacts))

        mine, theirs = alternate(
            self.rounds, ours, lambda: seen("bare", lambda: spent_by(bare, {}))
        )
        self.receiver.behave()
        work = f"{rows:,} in hundreds, 50 ms an answer"
        other = "bare client, 32 at once"
        yield compare(f"{work}, whole run", "s", mine, theirs, other, 1.25)
        mine, theirs = (statistics.median(spans[whose]) for whose in ("ours", "bare"))
        yield compare(f"{work}, the requests", "s", mine, theirs, other, 1.25)

    def vendor_limit(self) -> Iterator[Row]:
        """A hundred requests to a vendor that takes five a second."""
        contacts = self.contacts(1000, rows=10, requests_per_second=5)
        self.receiver.behave(per_second=5)
        spent = self.sync(contacts)
        complaints = self.receiver.seen()["statuses"].get("429", 0)
        self.receiver.behave()
        work = "100 requests at 5 a second"
        yield compare(work, "s", spent.wall, 20, "the limit", 1.05)
        yield compare(work, "429", complaints, 3, "at most", 1)

    def memory(self) -> Iterator[Row]:
        """The largest resident size, of a table and of one ten times its size."""
        small = self.sync(self.contacts(self.rows)).megabytes
        large = self.sync(self.contacts(10 * self.rows)).megabytes
        work = f"peak memory, {10 * self.rows:,} rows"
        yield compare(work, "MB", large, small, f"{self.rows:,} rows", 1.2)
        yield compare(work, "MB", large, MOST_MEGABYTES, "at most", 1)

    def rejected(self) -> Iterator[Row]:
        """One record in a thousand is refused through a 207: only those are sent again."""
        rows = min(self.rows, 100_000)
        contacts = self.contacts(rows)
        self.receiver.behave(keeps=True, refuses_every=1000)
        self.sync(contacts, expected=4)
        taken = self.receiver.seen()["records"]
        self.receiver.behave(keeps=True)
        self.sync(contacts)
        again = self.receiver.seen()["records"]
        self.receiver.behave()
        work = f"0.1 % of {rows:,} rejected, run again"
        yield compare(work, "records", again, rows - taken, "those rejected", 1)

    def killed(self) -> Iterator[Row]:
        """``kill -9`` at random instants of whole runs, each run again to its end."""
        rows, kills = min(self.rows, 20_000), 100 if self.rounds > 1 else 8
        contacts = self.contacts(rows, rows=200)
        toll = killing.kill_often(SYNC, contacts, self.receiver, kills)
        work = f"{kills} kills of {rows:,}"
        yield compare(work, "rows lost", toll.lost, rows, "rows", 0)
        yield compare(work, "rows twice", toll.most_repeated, 8 * 200, "rows in flight", 1)
        work += ", idempotency keys heeded"
        yield compare(work, "rows twice", toll.repeated_under_a_new_key, rows, "rows", 0)


def main() -> None:
    """Measure and print."""
    works: dict[str, Callable[[Bench], Iterator[Row]]] = {
        "first": Bench.first_run,
        "later": Bench.later_runs,
        "latency": Bench.latency,
        "limit": Bench.vendor_limit,
        "memory": Bench.memory,
        "rejected": Bench.rejected,
        "killed": Bench.killed,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large table")
    parser.add_argument("--quick", action="store_true", help="50,000 rows, one round")
    parser.add_argument("--only", choices=works, action="append", help="one work; repeat for more")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as room, receiving() as receiver:
        rows, rounds = (50_000, 1) if chosen.quick else (chosen.rows, 3)
        bench = Bench(Path(room), receiver, rows, rounds)
        show((row for name in chosen.only or works for row in works[name](bench)), chosen.json)


if __name__ == "__main__":
    main()
