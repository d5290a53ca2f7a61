"""Extract files as text columns: what CSV, Parquet and JSON Lines hold, read by DuckDB.

Nothing is guessed about types: every column is text, so that a value arrives in the warehouse as
the source wrote it and the models decide what it means.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from reverse_etl.errors import SeamlineError

BOOKKEEPING = ("_file", "_row", "_loaded_at")
# PostgreSQL would cut longer names off without a word.
LONGEST_NAME = 63
NOT_LANDED = "nothing of this file was landed."


@dataclass(frozen=True)
class ExtractFile:
    """One file of a source's table. ``label`` is its path inside the landed folder."""

    path: Path
    source_name: str
    table_name: str
    label: str


@dataclass(frozen=True)
class TextColumns:
    """A file seen as text: column names, and the DuckDB select that streams them in file order."""

    names: tuple[str, ...]
    select: str


def content_hash(path: Path) -> str:
    """SHA-256 of the file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_as_text(file: ExtractFile, connection: duckdb.DuckDBPyConnection) -> TextColumns:
    """Describe ``file`` as text columns.

    Raises:
        SeamlineError: the file cannot be read, or a column name cannot be landed.
    """
    describe = {".csv": _describe_csv, ".parquet": _describe_parquet, ".jsonl": _describe_jsonl}
    try:
        relation, expressions = describe[file.path.suffix](file, connection)
    except duckdb.Error as error:
        raise unreadable(file, error) from error
    names = [name for name, _ in expressions]
    _check_names(file, names)
    columns = "".join(f"{expression} as {quoted(name)}, " for name, expression in expressions)
    return TextColumns(
        tuple(names), f"select {columns}row_number() over () as _row from {relation}"
    )


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def unreadable(file: ExtractFile, error: Exception) -> SeamlineError:
    """What is wrong with a file, with the line, in one sentence for the person who sent it."""
    if broken := _first_broken_object(file):
        return SeamlineError(f"{broken}. Mend it or export it again; {NOT_LANDED}")
    message = str(error)
    line = re.search(r"(?:on Line: |in line )(\d+)", message)
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if counts:
        problem = f"expected {counts[1]} fields, found {counts[2]}"
    elif "CSV Error on Line" in message:
        # The reason is the last that DuckDB says before its advice; before it stands the row
        # itself, which may be a person's.
        said, _, advice = message.partition("Possible fixes:")
        problem = said.split("\n")[-3 if said.endswith("\n\n") else -2] if advice else "no CSV"
    else:
        problem = message.splitlines()[0].removeprefix("Invalid Input Error: ")
    problem = problem.strip().removesuffix(".")
    where = f"{file.path}, line {line[1]}" if line else str(file.path)
    return SeamlineError(f"{where}: {problem}. Mend it or export it again; {NOT_LANDED}")


def _first_broken_object(file: ExtractFile) -> str:
    """Where JSON Lines are broken, and how; DuckDB counts its lines otherwise than editors do."""
    if file.path.suffix != ".jsonl":
        return ""
    with file.path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                json.loads(line.strip() or b"{}")
            except ValueError as error:
                problem = str(error).partition(": line ")[0]
                return f"{file.path}, line {number}: no JSON object ({problem})"
    return ""


def _describe_csv(
    file: ExtractFile, connection: duckdb.DuckDBPyConnection
) -> tuple[str, list[tuple[str, str]]]:
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream, strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise SeamlineError(
            f"{file.path}, line 1: the header is not UTF-8 CSV ({error}). Export it again as UTF-8"
            f" with commas; {NOT_LANDED}"
        ) from error
    if not any(header):
        raise SeamlineError(
            f"{file.path}, line 1: the header is missing. Put the column names there; {NOT_LANDED}"
        )
    _check_names(file, header)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    relation = (
        f"read_csv({literal(str(file.path))}, columns = {{{columns}}}, auto_detect = false,"
        " header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
        " strict_mode = true)"
    )
    return relation, [(name, quoted(name)) for name in header]


def _describe_parquet(
    file: ExtractFile, connection: duckdb.DuckDBPyConnection
) -> tuple[str, list[tuple[str, str]]]:
    relation = f"read_parquet({literal(str(file.path))})"
    expressions = []
    for name, kind, *_ in connection.execute(f"describe select * from {relation}").fetchall():
        nested = re.search(r"\[\d*\]$|^(STRUCT|MAP|UNION|JSON)", kind)
        text = f"to_json({quoted(name)})" if nested else quoted(name)
        expressions.append((name, f"cast({text} as varchar)"))
    return relation, expressions


def _describe_jsonl(
    file: ExtractFile, connection: duckdb.DuckDBPyConnection
) -> tuple[str, list[tuple[str, str]]]:
    relation = f"read_json_objects({literal(str(file.path))}, format = 'newline_delimited')"
    odd = connection.execute(
        f"select row, kind from (select row_number() over () as row, json_type(json) as kind"
        f" from {relation}) where kind <> 'OBJECT' limit 1"
    ).fetchone()
    if odd:
        raise SeamlineError(
            f"{file.path}, line {odd[0]}: expected an object, found {odd[1].lower()}."
            f" Write one JSON object a line; {NOT_LANDED}"
        )
    structure = connection.execute(f"select json_group_structure(json) from {relation}").fetchone()
    shape = json.loads(structure[0]) if structure and structure[0] else {}
    paths = _leaves(shape if isinstance(shape, dict) else {}, ())
    return relation, [("_".join(path), f"json ->> {literal(_json_path(path))}") for path in paths]


def _leaves(shape: dict[str, Any], above: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Paths of everything that is no object: nested objects become ``a_b``, arrays stay whole."""
    paths: list[tuple[str, ...]] = []
    for key, below in shape.items():
        if isinstance(below, dict) and below:
            paths.extend(_leaves(below, (*above, key)))
        else:
            paths.append((*above, key))
    return paths


def _json_path(path: tuple[str, ...]) -> str:
    return "$" + "".join(f'."{key}"' for key in path)


def _check_names(file: ExtractFile, names: list[str]) -> None:
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name.strip():
            problem = f"column {position} has no name"
        elif name.lower() in BOOKKEEPING:
            problem = f"field '{name}' has a name that the landing keeps for itself"
        elif name.lower() in seen:
            problem = f"field '{name}' occurs twice (upper and lower case count as the same)"
        elif len(name.encode()) > LONGEST_NAME:
            problem = f"field '{name}' is longer than {LONGEST_NAME} bytes"
        else:
            seen.add(name.lower())
            continue
        raise SeamlineError(f"{file.path}, line 1: {problem}. Rename it; {NOT_LANDED}")
