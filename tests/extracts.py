"""Extracts as files: the seeds' rows to read, and a day's rows to write for landing."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

RAW = Path(__file__).resolve().parent.parent / "seeds" / "raw"


def read_rows(source: str, table: str, folder: Path = RAW) -> list[dict[str, str]]:
    """The rows of a table as they lie in its file; of a seed, unless another folder is named."""
    with (folder / source / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(folder: Path, source: str, table: str, *rows: Mapping[str, str]) -> None:
    """Write rows where ``seamline load`` looks for a table."""
    path = folder / source / f"{table}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
