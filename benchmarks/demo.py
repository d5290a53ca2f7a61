"""What ``make demo`` costs after the install, beside the bare dbt commands it cannot do without.

Ours: the daily job in Dagster, from landing to the last acknowledged record, and the printing.
Other: ``dbt build`` of the same models and tests, twice as the pipeline needs it, on data that lies
in the warehouse already. The bar of two minutes is printed as a ratio too.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import alternate, arguments, compare, seconds_of, show

ROOT = Path(__file__).resolve().parent.parent
CLOCK = "2026-11-01T00:00:00"
TWO_MINUTES = 120.0
# Dagster, the syncs and the printing may add this much to what dbt costs by itself.
MOST_OVER_DBT = 2.0


def demo(home: Path) -> float:
    """Return the seconds of one whole demo from an empty home."""
    return seconds_of([sys.executable, "-m", "orchestration.demo"], _environment(home))


def bare_dbt(home: Path, landed: Path) -> float:
    """Return the seconds of the two dbt builds on freshly landed data."""
    home.mkdir(exist_ok=True)
    shutil.copy(landed, home / "warehouse.duckdb")
    dbt = Path(sys.executable).with_name("dbt")
    common = ["--quiet", "--project-dir", "dbt_project", "--profiles-dir", "dbt_project"]
    common += ["--target-path", str(home / "target"), "--log-path", str(home / "logs")]
    activation = "path:models/activation"
    return sum(
        seconds_of([dbt, "build", *common, choice, activation], _environment(home))
        for choice in ("--exclude", "--select")
    )


def _environment(home: Path) -> dict[str, str]:
    return {
        "SEAMLINE_HOME": str(home),
        "SEAMLINE_DUCKDB_PATH": str(home / "warehouse.duckdb"),
        "SEAMLINE_AS_OF": CLOCK,
    }


def main() -> None:
    """Measure and print."""
    chosen = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        landed = room / "landed.duckdb"
        seamline = Path(sys.executable).with_name("seamline")
        environment = {**_environment(room), "SEAMLINE_DUCKDB_PATH": str(landed)}
        seconds_of([seamline, "load", ROOT / "seeds" / "raw"], environment)
        ours, other = alternate(
            1 if chosen.quick else 3,
            lambda: demo(room / "demo"),
            lambda: bare_dbt(room / "dbt", landed),
        )
    show(
        [
            compare("demo after the install", "s", ours, TWO_MINUTES, "the bar", 1.0),
            compare("demo after the install", "s", ours, other, "bare dbt build", MOST_OVER_DBT),
        ],
        chosen.json,
    )


if __name__ == "__main__":
    main()
