"""Synthetic extracts of a shop's sources, and the truth about whose records they are.

The life of the people is SQL (``seeds/sql``), run in DuckDB slice by slice: three hundred people
and a million people are the same statements, and memory is bounded by one slice. Every draw is a
hash of the seed and of what is drawn, so the same arguments write the same bytes anywhere.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import duckdb

from reverse_etl.errors import SeamlineError

SLICE_SIZE = 50_000
EVENTS_PER_VISIT = 6.0
FORMATS = {
    "csv": "(format csv, header true)",
    "parquet": "(format parquet, compression zstd)",
}

# These run once; the others are repeated for each slice of the population.
_ONCE = ("01_chance.sql", "02_vocabulary.sql")
_SAME_FOR_ALL = "23_same_for_all.sql"


@dataclass(frozen=True)
class Rate:
    """How often one flaw of real data was put in, against the least that is promised."""

    phenomenon: str
    hits: int
    total: int
    promised: float

    @property
    def share(self) -> float:
        """Hits as a fraction of what could have been hit."""
        return self.hits / self.total if self.total else 0.0


@dataclass
class Extract:
    """What one run wrote."""

    directory: Path
    people: int
    rows: dict[str, int] = field(default_factory=dict)
    rates: list[Rate] = field(default_factory=list)

    @property
    def events(self) -> int:
        """Page views, screen views and tracked events of site and app."""
        tables = ("web.pages", "web.tracks", "app.screens", "app.tracks")
        return sum(self.rows.get(table, 0) for table in tables)


def generate(
    people: int,
    seed: int,
    out: Path,
    *,
    file_format: str = "csv",
    events_per_person: float = 17.0,
    memory_limit: str = "2GB",
    slice_size: int = SLICE_SIZE,
    on_progress: Callable[[int, int], None] | None = None,
) -> Extract:
    """Write ``out/raw/<source>/<table>`` and ``out/truth`` for ``people`` people.

    More than one slice of people writes ``<table>/part-0001.<format>`` and so on.

    Raises:
        SeamlineError: an argument is out of range; nothing is written then.
    """
    if not 1 <= people <= 5_000_000:
        raise SeamlineError(f"--people {people}: use a number from 1 to 5,000,000.")
    if file_format not in FORMATS:
        raise SeamlineError(f"--format {file_format}: use one of {', '.join(FORMATS)}.")
    if not 6 <= events_per_person <= 600:
        raise SeamlineError(f"--events-per-person {events_per_person:g}: use 6 to 600.")
    extract = Extract(directory=out, people=people)
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect() as connection,
    ):
        connection.execute(f"set temp_directory = '{spill}'")
        connection.execute(f"set memory_limit = '{memory_limit}'")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"set variable seed = '{seed}'")
        connection.execute(
            f"set variable visits_per_person = {events_per_person / EVENTS_PER_VISIT!r}"
        )
        for name in _ONCE:
            _run_script(connection, name)
        starts = range(0, people, slice_size)
        for number, start in enumerate(starts, start=1):
            connection.execute(f"set variable first_no = {start}")
            connection.execute(f"set variable last_no = {min(start + slice_size, people)}")
            for name in _scripts(first_slice=number == 1):
                _run_script(connection, name)
            part = number if len(starts) > 1 else None
            _write_slice(connection, extract, file_format, part)
            if on_progress:
                on_progress(min(start + slice_size, people), people)
    return extract


def _scripts(*, first_slice: bool) -> list[str]:
    names = sorted(entry.name for entry in files("seeds").joinpath("sql").iterdir())
    skipped = set(_ONCE) if first_slice else {*_ONCE, _SAME_FOR_ALL}
    return [name for name in names if name.endswith(".sql") and name not in skipped]


def _run_script(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(files("seeds").joinpath("sql", name).read_text(encoding="utf-8"))


def _write_slice(
    connection: duckdb.DuckDBPyConnection, extract: Extract, file_format: str, part: int | None
) -> None:
    views = connection.execute(
        "select schema_name, view_name from duckdb_views() where not internal order by all"
    ).fetchall()
    fixed = files("seeds").joinpath("sql", _SAME_FOR_ALL).read_text(encoding="utf-8")
    for schema, view in views:
        relation = f'{schema}."{view}"'
        if relation == 'truth."rates"':
            _add_rates(extract, connection.execute(f"from {relation}").fetchall())
            continue
        is_fixed = f"view {schema}.{view} as" in fixed or f"view {relation} as" in fixed
        if is_fixed and part is not None and part > 1:
            continue
        room = extract.directory / ("truth" if schema == "truth" else f"raw/{schema}")
        path = _fresh_path(room, view, file_format, None if is_fixed else part)
        target = str(path).replace("'", "''")
        counted = connection.execute(
            f"copy (from {relation} order by all) to '{target}' {FORMATS[file_format]}"
        ).fetchone()
        name = f"{schema}.{view}"
        extract.rows[name] = extract.rows.get(name, 0) + (counted[0] if counted else 0)


def _fresh_path(room: Path, table: str, file_format: str, part: int | None) -> Path:
    """Path of the file to write; what an earlier run left under the same name is gone."""
    if part is None or part == 1:
        for suffix in FORMATS:
            (room / f"{table}.{suffix}").unlink(missing_ok=True)
        shutil.rmtree(room / table, ignore_errors=True)
    folder = room if part is None else room / table
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (f"{table}.{file_format}" if part is None else f"part-{part:04d}.{file_format}")


def _add_rates(extract: Extract, rows: list[tuple[str, int, int, float]]) -> None:
    before = {rate.phenomenon: rate for rate in extract.rates}
    extract.rates = []
    for phenomenon, hits, total, promised in rows:
        known = before.get(phenomenon)
        extract.rates.append(
            Rate(
                phenomenon,
                hits + (known.hits if known else 0),
                total + (known.total if known else 0),
                float(promised),
            )
        )
