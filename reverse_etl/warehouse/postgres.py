"""PostgreSQL as the warehouse: ledger in schema ``sync`` of the same database."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from reverse_etl.contract.manifest import Relation
from reverse_etl.warehouse.dialect import Dialect, PostgreSQL, literal
from reverse_etl.warehouse.session import (
    ROWS_PER_ARROW_BATCH,
    WarehouseError,
    columns_of,
    owners_alone,
)

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

TYPES = {pa.int64(): "bigint", pa.string(): "text", pa.bool_(): "boolean"}
_ADVISORY_CLASS = 0x5EA  # advisory locks are numbers, for all of a database: these are ours
ARROW_TYPES = {20: pa.int64()}  # by PostgreSQL's type oid; everything else that we stream is text
# A text is quoted where it holds one of these, which none does.
_LINES = r"format csv, delimiter E'\x01', quote E'\x02'"


def lock_numbers(over: str) -> str:
    """Return the arguments of the advisory lock over what is called so."""
    return f"{_ADVISORY_CLASS}, hashtext({literal(over)})"


@contextmanager
def open_postgres(settings: Mapping[str, Any]) -> Iterator[PostgresWarehouse]:
    """Connect as the dbt profile says, and close again.

    Raises:
        WarehouseError: the driver is not installed, or the server does not let us in.
    """
    try:
        import psycopg2  # noqa: PLC0415 - an extra
    except ImportError:
        raise WarehouseError(
            "Target of type 'postgres' needs the extra: pip install 'seamline[postgres]'."
        ) from None
    try:
        connection = psycopg2.connect(
            host=settings["host"],
            port=settings["port"],
            user=settings["user"],
            password=settings.get("password") or settings.get("pass"),
            dbname=settings.get("dbname") or settings.get("database"),
            options="-c TimeZone=UTC -c DateStyle=ISO -c standard_conforming_strings=on",
        )
    except psycopg2.OperationalError as error:
        raise WarehouseError(f"PostgreSQL: {str(error).strip()}") from None
    connection.set_session(isolation_level="REPEATABLE READ", autocommit=True)
    try:
        yield PostgresWarehouse(connection)
    finally:
        connection.close()


class PostgresWarehouse:
    """One connection; each statement its own transaction unless ``transaction`` is open."""

    def __init__(self, connection: Connection) -> None:
        self.dialect: Dialect = PostgreSQL()
        self._connection = connection

    def execute(self, statement: str) -> None:
        """See ``Warehouse.execute``."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """See ``Warehouse.rows``."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """See ``Warehouse.stream``. A cursor on the server keeps memory flat."""
        with self._connection.cursor(name="streamed") as cursor:
            cursor.itersize = ROWS_PER_ARROW_BATCH
            cursor.execute(query)
            while rows := cursor.fetchmany(ROWS_PER_ARROW_BATCH):
                yield pa.record_batch(
                    [
                        pa.array(values, ARROW_TYPES.get(column.type_code, pa.string()))
                        for column, values in zip(
                            cursor.description, zip(*rows, strict=True), strict=True
                        )
                    ],
                    names=[column.name for column in cursor.description],
                )

    def export(self, query: str, path: Path) -> int:
        """See ``Warehouse.export``. Columns of type json may hold ends of lines."""
        line = "replace(replace(line, chr(10), ' '), chr(13), ' ')"
        written = f"copy (select {line} from ({query}) as lines) to stdout ({_LINES})"
        try:
            with self._connection.cursor() as cursor, open(path, "wb", opener=owners_alone) as file:
                cursor.copy_expert(written, file)
                return int(cursor.rowcount)
        except OSError as error:
            raise WarehouseError(f"{path}: {error.strerror}") from None

    def load(self, table: str, content: pa.Table) -> None:
        """See ``Warehouse.load``."""
        columns = ", ".join(f"{field.name} {TYPES[field.type]}" for field in content.schema)
        self.execute(f"drop table if exists pg_temp.{table}")
        self.execute(f"create temporary table {table} ({columns})")
        with self._connection.cursor() as cursor:
            for batch in content.to_batches(ROWS_PER_ARROW_BATCH):
                rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
                lines = "".join("\t".join(map(_copied, row)) + "\n" for row in rows)
                cursor.copy_expert(f"copy {table} from stdin", io.StringIO(lines))

    def columns(self, relation: Relation) -> dict[str, str]:
        """See ``Warehouse.columns``."""
        return columns_of(self, relation)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See ``Warehouse.transaction``. What it reads is one state of the database."""
        self._connection.autocommit = False
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        else:
            self._connection.commit()
        finally:
            self._connection.autocommit = True

    @contextmanager
    def alone(self, over: str) -> Iterator[None]:
        """See ``Warehouse.alone``: a lock that goes with the session, if nothing else ends it."""
        numbers = lock_numbers(over)
        self.execute(f"select pg_advisory_lock({numbers})")
        try:
            yield
        finally:
            if not self._connection.closed:
                self.execute(f"select pg_advisory_unlock({numbers})")


def _copied(value: Any) -> str:
    """Return a value in the text format of ``copy``."""
    if value is None:
        return r"\N"
    text = str(value)
    for plain, escaped in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(plain, escaped)
    return text
