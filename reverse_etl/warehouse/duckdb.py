"""DuckDB as the warehouse: its file read-only, the ledger in a file of its own beside it."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverse_etl.contract.manifest import Relation
from reverse_etl.warehouse.dialect import Dialect, DuckDB, literal
from reverse_etl.warehouse.session import ROWS_PER_ARROW_BATCH, WarehouseError, columns_of
from reverse_etl.warehouse.turns import Turns

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

log = logging.getLogger("seamline")

MEMORY_LIMIT = "260MB"
STREAMED_AHEAD = "4MB"  # less than one of our batches, and one thread waits for the other
# Nothing in a text stands for anything but itself.
_LINES = "format csv, header false, delimiter '\x01', quote '', escape ''"
_SETTINGS = (
    "TimeZone = 'UTC'",
    "preserve_insertion_order = false",
    "enable_progress_bar = false",
    f"streaming_buffer_size = '{STREAMED_AHEAD}'",
)


class DuckDBWarehouse:
    """The warehouse file, read-only, with the ledger's own file attached as ``sync``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.dialect: Dialect = DuckDB()
        self._connection = connection

    def execute(self, statement: str) -> None:
        """See ``Warehouse.execute``."""
        self._connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """See ``Warehouse.rows``."""
        return self._connection.execute(query).fetchall()

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """See ``Warehouse.stream``."""
        yield from self._connection.execute(query).to_arrow_reader(ROWS_PER_ARROW_BATCH)

    def export(self, query: str, path: Path) -> int:
        """See ``Warehouse.export``: all threads write at once."""
        import duckdb  # noqa: PLC0415

        written = f"copy ({query}) to {literal(path)} ({_LINES})"
        try:
            ((count,),) = self._connection.execute(written).fetchall()
        except duckdb.IOException as error:
            raise WarehouseError(str(error).splitlines()[0]) from None
        return int(count)

    def load(self, table: str, content: pa.Table) -> None:
        """See ``Warehouse.load``."""
        self._connection.register("loaded_content", content)
        self._connection.execute(
            f"create or replace temporary table {table} as select * from loaded_content"
        )
        self._connection.unregister("loaded_content")

    def columns(self, relation: Relation) -> dict[str, str]:
        """See ``Warehouse.columns``."""
        return columns_of(self, relation, "table_catalog = current_database() and ")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See ``Warehouse.transaction``."""
        self._connection.begin()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def alone(self, over: str) -> AbstractContextManager[None]:
        """See ``Warehouse.alone``: the ledger's file has one user at a time anyway."""
        return nullcontext()


_turns = Turns()


@contextmanager
def open_duckdb(path: Path, home: Path, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse's file at ``path`` with the ledger in ``home``, and close both.

    Raises:
        WarehouseError: the file does not exist, or another process keeps it for ``patience``
            seconds.
    """
    if not path.is_file():
        raise WarehouseError(f"{path} does not exist; build the project first (`make demo`).")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)

    def connect() -> duckdb.DuckDBPyConnection:
        with _nobody_elses_files():
            return _connect_when_free(path, home, patience)

    with _turns.take((path.resolve(), home.resolve()), connect) as instance:
        # A connection of one's own: no transaction or temporary table is left to the next one.
        connection = instance.cursor()
        try:
            for setting in _SETTINGS:
                connection.execute(f"set {setting}")
            with _nobody_elses_files():
                yield connection
        finally:
            connection.close()


@contextmanager
def _nobody_elses_files() -> Iterator[None]:
    """Make files that only their owner reads: the ledger holds match keys in clear."""
    previous = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(previous)


def _connect_when_free(path: Path, home: Path, patience: float) -> duckdb.DuckDBPyConnection:
    import duckdb  # noqa: PLC0415 - only who opens the warehouse pays for it

    deadline = time.monotonic() + patience
    has_said = has_replayed = False
    while True:
        try:
            return _connect(path, home)
        except duckdb.ConnectionException as error:
            raise WarehouseError(
                f"{path} is open in this process in another mode; close that connection first "
                f"({str(error).splitlines()[0]})."
            ) from None
        except duckdb.OutOfMemoryException as error:
            if has_replayed or "WAL" not in str(error):
                raise
            log.warning("%s was left with a log by a writer that was killed; writing it in.", path)
            has_replayed = True
            _write_log_in(path)
        except duckdb.IOException as error:
            owner = re.search(r"held in (.+?) \(PID (\d+)\)", str(error))
            if owner is None:
                raise WarehouseError(f"{path}: {str(error).splitlines()[0]}") from None
            message = f"{path} is locked by {Path(owner[1]).name} (process {owner[2]})"
            if time.monotonic() > deadline:
                raise WarehouseError(f"{message}; gave up waiting.") from None
            if not has_said:
                log.warning("%s; waiting for it.", message)
                has_said = True
            time.sleep(0.2)


def _write_log_in(path: Path) -> None:
    """Bring a file and its log together: a long log is more than a reader's memory can replay."""
    import duckdb  # noqa: PLC0415

    # Closing it writes the log into the file.
    duckdb.connect(str(path)).close()


def _connect(path: Path, home: Path) -> duckdb.DuckDBPyConnection:
    import duckdb  # noqa: PLC0415

    ledger = home / "sync.duckdb"
    if not ledger.exists():
        # A file that a full disk cut short while it was made could never be opened again.
        partial = home / "sync.partial"
        partial.unlink(missing_ok=True)
        duckdb.connect(str(partial)).close()
        partial.rename(ledger)
    connection = duckdb.connect(
        str(path),
        read_only=True,
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(home / "tmp")},
    )
    try:
        connection.execute(f"attach '{ledger}' as sync (read_write)")
    except BaseException:
        connection.close()
        raise
    return connection
