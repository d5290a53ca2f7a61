"""Where extract files land: raw schemas of DuckDB or PostgreSQL, one transaction per file."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import duckdb

from orchestration.extract_files import (
    ExtractFile,
    TextColumns,
    literal,
    quoted,
    read_as_text,
    unreadable,
)
from reverse_etl.contract.profile import Profile
from reverse_etl.errors import SeamlineError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 20_000
_LEDGER = (
    "create schema if not exists raw",
    """create table if not exists raw.landed_files (
        source_name text, table_name text, file_name text, sha256 text, row_count bigint,
        loaded_at timestamp
    )""",
)


class Warehouse(Protocol):
    """What landing needs of a warehouse."""

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""

    def append(self, file: ExtractFile, table: str, columns: TextColumns, stamp: str) -> int:
        """Stream the file's rows into ``table`` and return how many there were."""

    @property
    def reader(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection that reads files."""

    def transaction(self) -> Any:
        """Context of one transaction: all of a file lands, or nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class DuckDBWarehouse:
    """The embedded warehouse: DuckDB reads the file and writes the table in one statement."""

    def __init__(self, path: Path, wait: float, on_wait: Callable[[str], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.reader = _connect_when_free(path, wait, on_wait)
        self.reader.execute("set TimeZone = 'UTC'")
        self.reader.execute("set enable_progress_bar = false")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return self.reader.execute(statement).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end; roll back when anything is raised."""
        self.reader.execute("begin")
        try:
            yield
        except BaseException:
            self.reader.execute("rollback")
            raise
        self.reader.execute("commit")

    def append(self, file: ExtractFile, table: str, columns: TextColumns, stamp: str) -> int:
        """Stream the file's rows into ``table`` and return how many there were."""
        try:
            rows = self.reader.execute(_insert(table, columns, stamp)).fetchall()
        except duckdb.Error as error:
            raise unreadable(file, error) from error
        return int(rows[0][0])


class PostgresWarehouse:
    """PostgreSQL: DuckDB reads the file, COPY carries it over batch by batch."""

    def __init__(self, settings: dict[str, Any]) -> None:
        try:
            import psycopg2  # noqa: PLC0415
        except ImportError as error:
            raise SeamlineError(
                "PostgreSQL needs psycopg2: pip install 'seamline[postgres]'."
            ) from error
        keys = ("host", "port", "user", "password", "dbname")
        try:
            self._connection = psycopg2.connect(**{key: settings[key] for key in keys})
        except psycopg2.OperationalError as error:
            raise SeamlineError(
                f"PostgreSQL at {settings['host']}:{settings['port']} does not answer"
                f" ({str(error).strip()}). Check SEAMLINE_PG_HOST, _PORT, _USER, _PASSWORD,"
                " _DATABASE."
            ) from error
        self._error: type[Exception] = psycopg2.Error
        self.reader = duckdb.connect()
        self.reader.execute("set TimeZone = 'UTC'")
        self.reader.execute("set enable_progress_bar = false")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self.reader.close()

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end; roll back when anything is raised."""
        with self._connection:
            yield

    def append(self, file: ExtractFile, table: str, columns: TextColumns, stamp: str) -> int:
        """Stream the file's rows into ``table`` and return how many there were."""
        from pyarrow import ArrowException  # noqa: PLC0415 - only who lands in PostgreSQL pays

        names = ", ".join(quoted(name) for name in (*columns.names, "_row", "_file", "_loaded_at"))
        try:
            batches = self.reader.execute(f"select *, {stamp} from ({columns.select})")
            with self._connection.cursor() as cursor:
                cursor.copy_expert(
                    f"copy {table} ({names}) from stdin (format csv)",
                    io.BufferedReader(_CsvStream(batches.to_arrow_reader(BATCH_ROWS))),
                )
                return int(cursor.rowcount)
        except (duckdb.Error, ArrowException, self._error) as error:
            raise unreadable(file, error) from error


class _CsvStream(io.RawIOBase):
    """Record batches as the CSV that COPY reads: null is nothing, an empty text is ``""``."""

    def __init__(self, batches: pa.RecordBatchReader) -> None:
        self._batches = batches
        self._pending = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        from pyarrow import csv  # noqa: PLC0415

        while not self._pending:
            try:
                batch = self._batches.read_next_batch()
            except StopIteration:
                return 0
            sink = io.BytesIO()
            options = csv.WriteOptions(include_header=False)
            csv.write_csv(batch, sink, options)
            self._pending = memoryview(sink.getvalue())
        size = min(len(buffer), len(self._pending))
        buffer[:size] = self._pending[:size]
        self._pending = self._pending[size:]
        return size


def open_warehouse(profile: Profile, wait: float, on_wait: Callable[[str], None]) -> Warehouse:
    """Connect to the profile's warehouse and make sure that the ledger of landed files exists."""
    warehouse: Warehouse
    if profile.dialect == "duckdb":
        warehouse = DuckDBWarehouse(Path(profile.settings["path"]), wait, on_wait)
    elif profile.dialect == "postgres":
        warehouse = PostgresWarehouse(profile.settings)
    else:
        raise SeamlineError(
            f"profiles.yml: target '{profile.target}' has type '{profile.dialect}', where nothing"
            " can be landed; use a duckdb or postgres target."
        )
    with warehouse.transaction():
        for statement in _LEDGER:
            warehouse.execute(statement)
    return warehouse


def land(
    warehouse: Warehouse, file: ExtractFile, sha256: str, loaded_at: datetime
) -> tuple[int, list[str]] | None:
    """Land one file in one transaction.

    Returns:
        Row count and columns that the table did not have before; None when this content has
        landed in this table already.
    """
    table = f"{quoted('raw_' + file.source_name)}.{quoted(file.table_name)}"
    place = f"{literal(file.source_name)}, {literal(file.table_name)}"
    with warehouse.transaction():
        known = warehouse.execute(
            "select 1 from raw.landed_files"
            f" where (source_name, table_name) = ({place}) and sha256 = '{sha256}'"
        )
        if known:
            return None
        columns = read_as_text(file, warehouse.reader)
        columns, added = _prepare_table(warehouse, file, table, columns)
        stamp = (
            f"{literal(f'{file.label}@{sha256[:8]}')} as _file,"
            f" timestamp '{loaded_at.isoformat(sep=' ')}' as _loaded_at"
        )
        count = warehouse.append(file, table, columns, stamp)
        warehouse.execute(
            f"insert into raw.landed_files values ({place}, {literal(file.label)}, '{sha256}',"
            f" {count}, timestamp '{loaded_at.isoformat(sep=' ')}')"
        )
    return count, added


def _prepare_table(
    warehouse: Warehouse, file: ExtractFile, table: str, columns: TextColumns
) -> tuple[TextColumns, list[str]]:
    """Create the table or add what it lacks; columns come back spelled as the table has them."""
    present = {
        name.lower(): name
        for (name,) in warehouse.execute(
            "select column_name from information_schema.columns"
            f" where table_schema = {literal('raw_' + file.source_name)}"
            f" and table_name = {literal(file.table_name)}"
        )
    }
    if not present:
        warehouse.execute(f"create schema if not exists {quoted('raw_' + file.source_name)}")
        texts = "".join(f"{quoted(name)} text, " for name in columns.names)
        warehouse.execute(
            f"create table {table} ({texts}_file text, _row bigint, _loaded_at timestamp)"
        )
        return columns, []
    added = [name for name in columns.names if name.lower() not in present]
    if added == list(columns.names):
        known = ", ".join(sorted(name for name in present.values() if not name.startswith("_")))
        raise SeamlineError(
            f"{file.label}: none of its columns ({', '.join(added)}) is one of {table}, which has "
            f"{known}; mend its first line, or move the file to the table it belongs to."
        )
    for name in added:
        warehouse.execute(f"alter table {table} add column {quoted(name)} text")
    names = tuple(present.get(name.lower(), name) for name in columns.names)
    return TextColumns(names, columns.select), added


def _insert(table: str, columns: TextColumns, stamp: str) -> str:
    names = ", ".join(quoted(name) for name in (*columns.names, "_row", "_file", "_loaded_at"))
    return f"insert into {table} ({names}) select *, {stamp} from ({columns.select})"


def _connect_when_free(
    path: Path, wait: float, on_wait: Callable[[str], None]
) -> duckdb.DuckDBPyConnection:
    """Open the DuckDB file; while another process holds it, wait for at most ``wait`` seconds."""
    deadline = time.monotonic() + wait
    announced = False
    while True:
        try:
            return duckdb.connect(str(path))
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise SeamlineError(f"{path} is no usable DuckDB file: {error}") from error
            holder = re.search(r"\(PID (\d+)\)", str(error))
            who = f"process {holder[1]}" if holder else "another process"
            if time.monotonic() >= deadline:
                raise SeamlineError(
                    f"{path} is held by {who}; waited {wait:g} seconds. Close it there, or wait"
                    " longer with --wait."
                ) from error
            if not announced:
                on_wait(f"{path} is held by {who}; waiting for up to {wait:g} seconds")
                announced = True
            time.sleep(0.2)
