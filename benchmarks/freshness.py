"""How long an event takes from landing to the channel, and what a micro-batch costs.

Ours: `seamline follow` takes up events of known and unknown visitors that have just landed, and
sends what they change to the sandbox. Beside it: the batch's own SQL statements, on their one
connection; the full build that it stands for; and itself on a tenth of the history. The full build
in turn is seen beside its own slowest tables by their SQL alone, and beside a tenth. The events are
copies of landed ones under new ids, one in twenty by somebody who was never there before.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.heaviest import heaviest
from benchmarks.measure import Row, Spent, compare, parser, show, spent_by
from orchestration.defs.publication import publish_manifest
from orchestration.follower import Followed, Follower
from reverse_etl.sandbox import running_sandbox

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
CLOCK = datetime(2026, 11, 1)
EVENTS_PER_PERSON = 19.0
SHARES = {"pages": 0.5, "product_viewed": 0.3, "product_added": 0.2}
_IS_NEW = "row_number() over () % 20 = 0"
BATCHES = 3
MOST_SECONDS = 20.0
MOST_OVER_BARE = 3.0
MOST_OF_FULL = 0.05
MOST_GROWTH = 1.5
MOST_BUILD_GROWTH = 12.0
MOST_MEMORY = 2.0
HEAVIEST = 10


@dataclass(frozen=True)
class Build:
    """A full build: its wall seconds and its largest resident size.

    ``heaviest`` are the seconds that the slowest tables took in it, ``bare`` what they take when
    nothing but their SQL is run.
    """

    seconds: float
    megabytes: float
    heaviest: float
    bare: Spent


def built(room: Path, people: int) -> Build:
    """Generate, land and build so many people's history in ``room``."""
    seamline = Path(sys.executable).with_name("seamline")
    size = ["--people", str(people), "--events-per-person", str(EVENTS_PER_PERSON), "--seed", "1"]
    spent_by([seamline, "generate", *size, "--format", "parquet", "--out", room / "x"], {}, room)
    spent_by([seamline, "load", room / "x" / "raw"], environment(room), room)
    shutil.rmtree(room / "x")
    dbt = Path(sys.executable).with_name("dbt")
    common = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--log-path", room / "logs"]
    spent_by([dbt, "seed", *common, "--target-path", room / "seeded"], environment(room), room)
    spent, targets = [], []
    for choice in ("--exclude", "--select"):
        target = room / f"target{choice}"
        chosen = [choice, "path:models/activation", "--target-path", target]
        spent.append(spent_by([dbt, "run", *common, *chosen], environment(room), room))
        targets.append(target)
    publish_manifest([each / "manifest.json" for each in targets], room / "manifest.json")
    bare = [sys.executable, "-m", "benchmarks.heaviest", room / "warehouse.duckdb", targets[0]]
    return Build(
        seconds=sum(each.wall for each in spent),
        megabytes=max(each.megabytes for each in spent),
        heaviest=sum(seconds for _, seconds, _ in heaviest(targets[0], HEAVIEST)),
        bare=spent_by([*bare, str(HEAVIEST)], {}),
    )


def environment(room: Path) -> dict[str, str]:
    """Return the variables of a home in ``room``."""
    return {
        "SEAMLINE_HOME": str(room),
        "SEAMLINE_DUCKDB_PATH": str(room / "warehouse.duckdb"),
        "SEAMLINE_PROJECT_DIR": str(PROJECT),
        "SEAMLINE_AS_OF": CLOCK.isoformat(),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def land(room: Path, events: int, at: datetime) -> None:
    """Let copies of landed events arrive at an instant, of random visitors."""
    stamp = f"'{at:%Y-%m-%dT%H:%M:%SZ}'"
    new: dict[str, str] = {
        "id": f"'{at:%H%M%S}-' || id || '-' || row_number() over ()",
        "_file": f"'landed at {at:%H:%M:%S}'",
        "_row": "row_number() over ()",
        "_loaded_at": f"timestamp '{at:%Y-%m-%d %H:%M:%S}'",
        "anonymous_id": f"if({_IS_NEW}, 'new-{at:%H%M%S}-' || id, anonymous_id)",
        "user_id": f"if({_IS_NEW}, null, user_id)",
        **dict.fromkeys(("timestamp", "received_at", "uuid_ts"), stamp),
    }
    with duckdb.connect(str(room / "warehouse.duckdb")) as warehouse:
        for table, share in SHARES.items():
            columns = [
                name for name, *_ in warehouse.execute(f"describe raw_web.{table}").fetchall()
            ]
            values = ", ".join(new.get(column, f'"{column}"') for column in columns)
            warehouse.execute(
                f"insert into raw_web.{table} select {values} from (select * from raw_web.{table} "
                f"using sample reservoir({int(events * share)} rows) repeatable ({at.minute}))"
            )


@contextmanager
def following(room: Path) -> Iterator[Follower]:
    """Follow the home in ``room``; everybody is at the channels already."""
    with running_sandbox() as sandbox:
        os.environ.update(environment(room) | {"SEAMLINE_SANDBOX_URL": sandbox.url})
        follower = Follower(None)
        follower.step()
        yield follower


def latencies(room: Path, events: int) -> list[Followed]:
    """Return a few micro-batches, each from landing to the channel's last answer."""
    found = []
    with following(room) as follower:
        for number in range(1, BATCHES + 1):
            at = CLOCK + timedelta(minutes=number)
            land(room, events, at)
            os.environ["SEAMLINE_AS_OF"] = (at + timedelta(seconds=1)).isoformat()
            followed = follower.step()
            assert followed is not None
            assert followed.landed == sum(int(events * share) for share in SHARES.values())
            found.append(followed)
    return found


def main() -> None:
    """Measure and print."""
    switches = parser(__doc__ or "")
    switches.add_argument(
        "--people", type=int, default=1_000_000, help="people of the larger history"
    )
    switches.add_argument("--events", type=int, default=1_000, help="events of a micro-batch")
    chosen = switches.parse_args()
    people = 5_000 if chosen.quick else chosen.people
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        for room in (small, large):
            room.mkdir()
        small_build, large_build = built(small, people // 10), built(large, people)
        before, after = latencies(small, chosen.events), latencies(large, chosen.events)
    show(list(_rows(people, before, after, small_build, large_build)), chosen.json)


def _rows(
    people: int,
    before: list[Followed],
    after: list[Followed],
    small_build: Build,
    large_build: Build,
) -> Iterator[Row]:
    tenth = statistics.median(each.seconds for each in before)
    batch = statistics.median(each.seconds for each in after)
    worst = max(each.seconds for each in after)
    sql = statistics.median(each.sql_seconds for each in after)
    subject = f"micro-batch, {people:,} people"
    yield compare(f"{subject}, slowest of {BATCHES}", "s", worst, MOST_SECONDS, "the bar", 1.0)
    yield compare(subject, "s", batch, sql, "its SQL alone", MOST_OVER_BARE)
    yield compare(subject, "s", batch, large_build.seconds, "full build", MOST_OF_FULL)
    yield compare(subject, "s", batch, tenth, "a tenth of the people", MOST_GROWTH)
    build = f"full build, {people:,} people"
    mine, theirs = large_build.seconds, small_build.seconds
    yield compare(build, "s", mine, theirs, "a tenth", MOST_BUILD_GROWTH)
    bare = large_build.bare
    tables = f"{build}, its {HEAVIEST} slowest tables"
    yield compare(tables, "s", large_build.heaviest, bare.wall, "their SQL bare", MOST_OVER_BARE)
    mine, theirs = large_build.megabytes, bare.megabytes
    yield compare(f"{build}, peak memory", "MB", mine, theirs, "those bare", MOST_MEMORY)


if __name__ == "__main__":
    main()
