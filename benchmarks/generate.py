"""What a synthetic extract costs, beside the bare writing of as many rows.

Ours: ``seamline generate --format parquet``. Other: DuckDB writing the rows of the finished
extract again, table by table, ordered the same way, which is the part no generator can avoid.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.measure import alternate, arguments, compare, seconds_of, show

# Drawing a life costs more than copying it; more than this and it is not vectorised.
MOST_OVER_COPYING = 6.0


def generate(people: int, out: Path) -> float:
    """Return the seconds that one extract takes."""
    seamline = Path(sys.executable).with_name("seamline")
    command = [seamline, "generate", "--people", people, "--seed", 1, "--out", out]
    return seconds_of([str(part) for part in [*command, "--format", "parquet"]], {})


def copy(extract: Path, out: Path) -> float:
    """Return the seconds that writing every file of the extract again takes."""
    begun = time.monotonic()
    with duckdb.connect() as connection:
        for number, path in enumerate(sorted(extract.rglob("*.parquet"))):
            connection.execute(
                f"copy (from '{path}' order by all) to '{out / str(number)}.parquet' "
                "(format parquet, compression zstd)"
            )
    return time.monotonic() - begun


def main() -> None:
    """Measure and print."""
    chosen = arguments(__doc__ or "")
    people = 20_000 if chosen.quick else 200_000
    with tempfile.TemporaryDirectory() as folder:
        extract, copies = Path(folder) / "extract", Path(folder) / "copies"
        copies.mkdir()
        ours, other = alternate(
            1 if chosen.quick else 3,
            lambda: generate(people, extract),
            lambda: copy(extract, copies),
        )
    work = f"generate {people:,} people as Parquet"
    name = "writing the same rows again"
    show([compare(work, "s", ours, other, name, MOST_OVER_COPYING)], chosen.json)


if __name__ == "__main__":
    main()
