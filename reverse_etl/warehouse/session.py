"""One open session of the warehouse: SQL in, Arrow out, released before anything is sent.

Statements are SQL common to the engines; what differs is in ``dialect``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reverse_etl.contract.manifest import Relation
from reverse_etl.errors import SeamlineError
from reverse_etl.warehouse.dialect import Dialect

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_ARROW_BATCH = 20_000


class WarehouseError(SeamlineError):
    """The warehouse cannot be opened, or a relation it should hold is not there."""


class Warehouse(Protocol):
    """One open connection. Tables of the ledger are ``sync.<table>`` on every engine."""

    dialect: Dialect

    def execute(self, statement: str) -> None:
        """Run a statement whose result nobody reads."""
        ...

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return every row of a small result."""
        ...

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield a large result piece by piece."""
        ...

    def export(self, query: str, path: Path) -> int:
        """Write a query's one column ``line`` to a file that only its owner reads, a row a line.

        It is JSON, parts of it ``chr(31)`` apart: ends of lines in it are blanks, and written so.
        Rows come in the order that the query gives, if any. Returns how many there are.

        Raises:
            WarehouseError: the file cannot be written.
        """
        ...

    def load(self, table: str, content: pa.Table) -> None:
        """Make a temporary table of ``content``."""
        ...

    def columns(self, relation: Relation) -> dict[str, str]:
        """Return the relation's columns with their types; nothing where there is none."""
        ...

    def transaction(self) -> Any:
        """Return a context: all statements in it happen, or none."""
        ...

    def alone(self, over: str) -> AbstractContextManager[None]:
        """Return a context that one session of the warehouse is in at a time, by what it is over.

        Enter it before a transaction: what is read in one is the state that it began with.
        """
        ...


def columns_of(warehouse: Warehouse, relation: Relation, condition: str = "") -> dict[str, str]:
    """Return a relation's columns and types from the information schema, in their order."""
    found = warehouse.rows(
        "select column_name, data_type from information_schema.columns "
        f"where {condition}table_schema = '{relation.schema}' and table_name = '{relation.name}' "
        "order by ordinal_position"
    )
    return dict(found)


def owners_alone(path: str, flags: int) -> int:
    """Open a file that only its owner reads: an ``opener`` for what holds records in clear."""
    return os.open(path, flags, 0o600)
