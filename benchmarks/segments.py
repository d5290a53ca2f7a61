"""What the segments cost for the people touched, beside what they cost for everybody.

Ours: the statements of a micro-batch that build the segments, put their rows in place and write
their memory, with the rendering of their SQL, while 1 % of the people have new events. Beside it:
dbt building the same segments of everybody, memory included, one after the other; starting and
parsing is counted on neither side. Both by the wall, in turn, on one warehouse.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from benchmarks.freshness import CLOCK, PROJECT, built, environment, land
from benchmarks.measure import Row, compare, parser, show, spent_by
from orchestration.increment.batch import take_up
from orchestration.increment.graph import is_segment
from orchestration.increment.session import Session

TOUCHED_SHARE = 0.01
MOST_OF_FULL = 0.1
ROUNDS = 3
# A statement is the segments' if it writes into their schema: a segment, or the memory of it.
_OF_SEGMENTS = re.compile(
    r"^(create (or replace )?table|delete from|update|insert into)\s+(\"\w+\"\.)?\"segments\"\.",
    re.IGNORECASE | re.MULTILINE,
)


class Timed(Session):
    """A session that counts the wall seconds of what is done for the segments."""

    segment_seconds = 0.0

    def __init__(self, project: Manifest) -> None:
        super().__init__(project)
        self._segments = [
            node.name for node in project.nodes.values() if is_segment(node.to_dict())
        ]

    def execute(self, statement: str) -> None:
        """Run a statement."""
        compared = any(f".differing.{name} as " in statement for name in self._segments)
        with self._counted(compared or bool(_OF_SEGMENTS.search(statement))):
            super().execute(statement)

    def rendered(self, unique_id: str, macro: str, **arguments: Any) -> str:
        """Return what a macro gives where ``this`` is the model."""
        with self._counted(is_segment(self._parsed.nodes[unique_id].to_dict())):
            return super().rendered(unique_id, macro, **arguments)

    @contextmanager
    def _counted(self, is_counted: bool) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        if is_counted:
            self.segment_seconds += time.perf_counter() - begun


def parsed() -> Manifest:
    """Parse the project, as the process that takes up micro-batches does."""
    folder = str(PROJECT)
    arguments = ["--quiet", "parse", "--project-dir", folder, "--profiles-dir", folder]
    found = dbtRunner().invoke([*arguments, "--no-write-json"])
    assert isinstance(found.result, Manifest), found.exception
    return found.result


def full(room: Path, at: datetime) -> float:
    """Build the segments of everybody as of an instant; return the seconds of their models."""
    target = room / "full"
    dbt = Path(sys.executable).with_name("dbt")
    folders = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--log-path", room / "logs"]
    chosen = ["--select", "path:models/segments", "--threads", "1", "--target-path", target]
    now = environment(room) | {"SEAMLINE_AS_OF": at.isoformat()}
    spent_by([dbt, "run", *folders, *chosen], now, room)
    results = json.loads((target / "run_results.json").read_text())["results"]
    models = (each for each in results if each["unique_id"].startswith("model."))
    return float(sum(each["execution_time"] for each in models))


def increment(
    project: Manifest, manifest: Mapping[str, Any], at: datetime, answer: Connection
) -> None:
    """Take up what landed; send the segments' seconds and how many people were touched."""
    session = Timed(project)
    with session.opened():
        batch = take_up(manifest, session, at)
    segments = {node["name"] for node in manifest["nodes"].values() if is_segment(node)}
    assert segments <= set(batch.models), "a segment was left out of the batch"
    answer.send((session.segment_seconds, batch.people))


def received(answer: Connection) -> tuple[float, int]:
    """Return what the micro-batch sent; end where it died, for it has said why itself."""
    try:
        seconds, people = answer.recv()
    except EOFError:
        raise SystemExit("The micro-batch failed; see above.") from None
    return float(seconds), int(people)


def measure(room: Path) -> Row:
    """Measure in a home that is built, and changes by it."""
    os.environ.update(environment(room))
    project, fork = parsed(), multiprocessing.get_context("fork")
    manifest = json.loads((room / "manifest.json").read_text())
    with duckdb.connect(str(room / "warehouse.duckdb"), read_only=True) as warehouse:
        [(everybody,)] = warehouse.execute("select count(*) from marts.people").fetchall()
    ours, other, touched = [], [], []
    for number in range(1, ROUNDS + 1):
        at = CLOCK + timedelta(minutes=2 * number)
        land(room, round(everybody * TOUCHED_SHARE), at)
        mine, theirs = fork.Pipe()
        then = at + timedelta(seconds=1)
        # A process of its own, as `seamline follow` has it: dbt lets go of the file at its end.
        batch = fork.Process(target=increment, args=(project, manifest, then, theirs))
        batch.start()
        theirs.close()
        seconds, people = received(mine)
        batch.join()
        ours.append(seconds)
        touched.append(people)
        other.append(full(room, at + timedelta(minutes=1)))
    share = statistics.median(touched) / everybody
    work = f"segments of {everybody:,} people, {share:.1%} touched, wall"
    name = "all of them"
    return compare(work, "s", statistics.median(ours), statistics.median(other), name, MOST_OF_FULL)


def main() -> None:
    """Measure and print."""
    switches = parser(__doc__ or "")
    switches.add_argument("--home", type=Path, help="a home that is built; it is copied")
    switches.add_argument("--people", type=int, default=300_000, help="people to generate")
    options = switches.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        if options.home:
            for name in ("warehouse.duckdb", "manifest.json"):
                shutil.copy(options.home / name, room / name)
        else:
            built(room, 20_000 if options.quick else options.people)
        show([measure(room)], options.json)


if __name__ == "__main__":
    main()
