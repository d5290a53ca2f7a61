"""The table of one sync, and the batches staged beside it, within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from reverse_etl.channel.batch import Batch, Record, as_json
from reverse_etl.errors import SeamlineError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

STAGED = "_seamline_staged"
TYPES = {"number": "numeric", "boolean": "boolean", "object": "jsonb", "array": "jsonb"}


class PostgresRefused(SeamlineError):  # noqa: N818 - it reads as what it says
    """The database does not let us in, or lacks what is needed."""


def quote(name: str) -> str:
    """Return a name as PostgreSQL reads it."""
    return '"' + name.replace('"', '""') + '"'


class Table:
    """The table of one sync, and the batches staged for it, over one connection."""

    def __init__(self, connection: Connection, schema: str, sync: str) -> None:
        self._connection = connection
        self._schema = schema
        self._sync = sync
        self.name = f"{quote(schema)}.{quote(sync)}"
        self.staged = f"{quote(schema)}.{quote(STAGED)}"

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement and return its rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(values) or None)
            return list(cursor.fetchall()) if cursor.description else []

    def columns(self) -> list[str]:
        """Return the table's columns, none where there is no table."""
        return [
            name
            for (name,) in self.run(
                "select column_name from information_schema.columns "
                "where table_schema = %s and table_name = %s order by ordinal_position",
                (self._schema, self._sync),
            )
        ]

    def stage(self, batch: Batch) -> None:
        """Write down a batch; written again after a crash it takes its own place."""
        self.run(
            f"create unlogged table if not exists {self.staged} (sync text, run_id text, "
            "batch_id text, object text, operation text, key text, content jsonb, "
            "primary key (sync, run_id, batch_id, key))"
        )
        self.run(
            f"delete from {self.staged} where sync = %s and run_id = %s and batch_id = %s",
            (self._sync, batch.run_id, batch.batch_id),
        )
        rows = [[r.key, r.fields] for r in batch.records]
        self.run(
            f"insert into {self.staged} select %s, %s, %s, %s, %s, item ->> 0, item -> 1 "
            "from jsonb_array_elements(%s::jsonb) as item",
            (
                self._sync,
                batch.run_id,
                batch.batch_id,
                batch.object,
                batch.operation,
                orjson.dumps(rows, default=as_json).decode(),
            ),
        )

    def fit(self, run_id: str) -> None:
        """Make the table, or give it the columns that staged rows have and it has not."""
        known = self.columns()
        if known and "_key" not in known:
            raise PostgresRefused(
                f"table {self.name} was not made by Seamline: it has no column _key. Add it as its "
                "primary key, of type text, or rename the table."
            )
        if not known:
            self.run(f"create table {self.name} (_key text primary key)")
        for name, kinds in self.run(
            "select field.key, array_agg(distinct jsonb_typeof(field.value)) "
            f"from {self.staged}, jsonb_each(content) as field "
            "where sync = %s and run_id = %s and operation <> 'remove' group by 1 order by 1",
            (self._sync, run_id),
        ):
            if name not in known:
                kind = TYPES.get("".join(sorted(set(kinds) - {"null"})), "text")
                self.run(f"alter table {self.name} add column {quote(name)} {kind}")

    def apply(self, run_id: str, batch_id: str | None = None, keys: Sequence[str] = ()) -> None:
        """Apply what a run has staged, or some records of one of its batches."""
        chosen = "staged.sync = %s and staged.run_id = %s"
        values: list[Any] = [self._sync, run_id]
        if batch_id is not None:
            chosen += " and staged.batch_id = %s and staged.key = any(%s)"
            values += [batch_id, list(keys)]
        self.run(
            f"delete from {self.name} as held using {self.staged} as staged "
            f"where {chosen} and staged.operation = 'remove' and held._key = staged.key",
            values,
        )
        columns = [quote(name) for name in self.columns() if name != "_key"]
        now = ", ".join(f"held.{name}" for name in columns)
        new = ", ".join(f"excluded.{name}" for name in columns)
        update = f"do update set ({', '.join(columns)}) = row({new}) where ({now}) is distinct from"
        for operations, conflict in (
            ("('append')", "do nothing"),
            ("('add', 'change')", f"{update} ({new})" if columns else "do nothing"),
        ):
            self.run(
                f"insert into {self.name} as held ({', '.join(['_key', *columns])}) "
                f"select {', '.join(['key', *(f'(content).{name}' for name in columns)])} from "
                f"(select key, jsonb_populate_record(null::{self.name}, content) as content "
                f"from {self.staged} as staged where {chosen} and operation in {operations} "
                f"offset 0) as staged on conflict (_key) {conflict}",
                values,
            )

    def forget(self, run_id: str, batch_id: str, keys: Sequence[str]) -> None:
        """Drop some records of a batch that a run has staged."""
        self.run(
            f"delete from {self.staged} where sync = %s and run_id = %s and batch_id = %s "
            "and key = any(%s)",
            (self._sync, run_id, batch_id, list(keys)),
        )


def refusals(table: Table, batch: Batch, records: list[Record]) -> dict[str, tuple[str, str]]:
    """Return why the table refuses records, by key; found by halving what it refuses."""
    from psycopg2 import errors  # noqa: PLC0415 - an extra

    if not records:
        return {}
    table.run("savepoint trial")
    try:
        table.apply(batch.run_id, batch.batch_id, [record.key for record in records])
    except (errors.DataError, errors.IntegrityError) as error:
        table.run("rollback to savepoint trial")
        if len(records) == 1:
            words = error.diag.message_primary or "no reason given"
            return {records[0].key: (error.pgcode or "refused", f"PostgreSQL: {words}.")}
        half = len(records) // 2
        return {
            **refusals(table, batch, records[:half]),
            **refusals(table, batch, records[half:]),
        }
    table.run("rollback to savepoint trial")
    return {}
