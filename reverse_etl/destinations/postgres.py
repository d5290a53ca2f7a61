"""Tables in a PostgreSQL database: what an application reads beside its own.

``rows`` keeps the table ``<schema>.<sync>`` equal to the rows of the sync (``mirror``), or adds to
it (``upsert``, ``append``). ``profiles`` does the same and indexes ``anonymous_ids``, a JSON list,
so that a web site finds a visitor's profile by the id in their cookie:

    select * from profiles where anonymous_ids ? 'a-1f3e'

The table is made where it is missing, its columns as wide as the JSON values are; one that is there
is used as it is, and PostgreSQL casts to its types. Its primary key is ``_key``, the record's key.

Requires the extra ``postgres`` and ``POSTGRES_URL``, ``postgresql://user:password@host/database``;
``POSTGRES_SCHEMA`` is ``public`` by default, and must exist.

    exposures:
      - name: postgres_customers
        type: application
        owner: {name: Shop, email: shop@example.com}
        depends_on: [ref('sync_postgres_customers')]
        config:
          meta:
            sync:
              destination: postgres
              object: rows
              mode: mirror
              key: [person_id]
              purpose: service

Batches are staged in ``_seamline_staged`` beside the table, and a commit applies all of them in one
transaction: readers see the rows of one run or of the other. A row that the table would refuse is
found by trying it before, and rejected with PostgreSQL's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from reverse_etl.channel.batch import Batch, Record, as_json
from reverse_etl.channel.destination import ChannelObject, Limits, Setting, Store
from reverse_etl.channel.exchange import Found, Verdict
from reverse_etl.conversation.edits import is_same
from reverse_etl.conversation.verdicts import rejected
from reverse_etl.errors import SeamlineError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

STAGED = "_seamline_staged"
TYPES = {"number": "numeric", "boolean": "boolean", "object": "jsonb", "array": "jsonb"}
LIMITS = Limits(rows=10_000, bytes=10_000_000, requests_per_second=1_000, concurrency=1)


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


class Postgres:
    """A PostgreSQL database."""

    slug = "postgres"
    label = "PostgreSQL"
    settings: tuple[Setting, ...] = (
        Setting("URL", "postgresql://user:password@host:port/database", secret=True),
        Setting("SCHEMA", "schema of the tables", required=False, default="public"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject("rows", modes=("upsert", "mirror", "append"), limits=LIMITS, lists=True),
        ChannelObject("profiles", modes=("upsert", "mirror"), limits=LIMITS, lists=True),
    )

    def write(self, batch: Batch) -> Sequence[Verdict]:
        """Stage one batch, and try it out on the table without leaving a trace there."""
        with _opened(batch.sync, batch.settings) as table:
            table.stage(batch)
            table.fit(batch.run_id)
            refused = _refusals(table, batch, list(batch.records))
            table.forget(batch.run_id, batch.batch_id, list(refused))
        return [
            rejected(record, *refused[record.key])
            if record.key in refused
            else Verdict(record.key, "acknowledged")
            for record in batch.records
        ]

    def commit(self, sync: str, run_id: str, settings: Mapping[str, str]) -> None:
        """Apply everything that this run staged, in one transaction."""
        with _opened(sync, settings) as table:
            if not table.run("select to_regclass(%s)", (table.staged,))[0][0]:
                return
            staged = f"from {table.staged} where sync = %s and run_id = %s"
            objects = table.run(f"select distinct object {staged}", (sync, run_id))
            if not objects:
                return
            table.apply(run_id)
            # What a run has staged that could not be committed and was given up goes as well.
            table.run(f"delete from {table.staged} where sync = %s", (sync,))
            if objects == [("profiles",)] and "anonymous_ids" in table.columns():
                name = quote(f"{sync}_anonymous_ids")
                statement = f"create index if not exists {name} on {table.name} using gin"
                table.run(f"{statement} (anonymous_ids)")

    def read(self, sync: str, settings: Mapping[str, str]) -> Iterator[Found]:
        """Yield the rows of the table."""
        with _opened(sync, settings) as table:
            if not table.columns():
                return
            query = f"select _key, to_jsonb(held) - '_key' from {table.name} as held"
            for key, content in table.run(query):
                yield Found(None, content, key)

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a row has our value; a column of text has it as text."""
        return is_same(ours, theirs) or (isinstance(theirs, str) and is_same(str(ours), theirs))


def _refusals(table: Table, batch: Batch, records: list[Record]) -> dict[str, tuple[str, str]]:
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
            **_refusals(table, batch, records[:half]),
            **_refusals(table, batch, records[half:]),
        }
    table.run("rollback to savepoint trial")
    return {}


@contextmanager
def _opened(sync: str, settings: Mapping[str, str]) -> Iterator[Table]:
    """Open one transaction; what is done in it is done as a whole, or not at all.

    Raises:
        PostgresRefused: the driver is missing, the server does not let us in, or fails.
    """
    try:
        import psycopg2  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise PostgresRefused(
            "destination 'postgres' needs the extra: pip install 'seamline[postgres]'."
        ) from None
    parts = urlsplit(settings["URL"])
    if parts.scheme not in ("postgres", "postgresql") or "host" in parts.query:
        raise PostgresRefused(
            "the setting URL of destination 'postgres' is not set; write it as "
            "postgresql://user:password@host:port/database, its host nowhere else."
        )
    try:
        connection = psycopg2.connect(settings["URL"], options="-c TimeZone=UTC -c DateStyle=ISO")
    except psycopg2.OperationalError as error:
        raise PostgresRefused(f"PostgreSQL does not let us in: {str(error).strip()}") from None
    try:
        with connection:
            yield Table(connection, settings.get("SCHEMA") or "public", sync)
    except psycopg2.Error as error:
        words = error.diag.message_primary or type(error).__name__
        raise PostgresRefused(f"PostgreSQL, sync '{sync}': {words}.") from None
    finally:
        connection.close()


destination: Store = Postgres()
