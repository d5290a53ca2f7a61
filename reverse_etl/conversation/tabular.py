"""Rows as CSV, JSON Lines or Parquet, in order of their keys, and back."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import orjson

Row = dict[str, Any]
FORMATS = ("csv", "jsonl", "parquet")


def encode(kind: str, rows: Mapping[str, Row]) -> bytes:
    """Return rows, by key, as one of ``FORMATS``."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    ordered = [{column: rows[key].get(column) for column in columns} for key in sorted(rows)]
    if kind == "csv":
        return _csv(columns, ordered)
    if kind == "jsonl":
        return b"".join(orjson.dumps(row) + b"\n" for row in ordered)
    return _parquet(columns, ordered)


def decode(kind: str, content: bytes) -> list[Row]:
    """Return the rows of a file; a CSV's values are text."""
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    if kind == "jsonl":
        return [orjson.loads(line) for line in content.splitlines()]
    import pyarrow.parquet as pq  # noqa: PLC0415 - only a run that needs it pays for it

    found: list[Row] = pq.read_table(io.BytesIO(content)).to_pylist()
    return found


def _csv(columns: list[str], rows: list[Row]) -> bytes:
    """Nothing is an empty cell, lists are JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


def _parquet(columns: list[str], rows: list[Row]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pa.table({column: _column([row[column] for row in rows]) for column in columns})
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def _column(values: list[Any]) -> Any:
    """Return an Arrow array: of the one JSON type that the values have, else of text.

    Whole numbers are 64-bit, unless one of them has a fraction; lists and objects are JSON text.
    """
    import pyarrow as pa  # noqa: PLC0415

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int} and all(abs(value) < 2**63 for value in values if value is not None):
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    texts = [None if value is None else _text(value) for value in values]
    return pa.array(texts, pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
