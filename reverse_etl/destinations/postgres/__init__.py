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
from typing import Any
from urllib.parse import urlsplit

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import ChannelObject, Limits, Setting, Store
from reverse_etl.channel.exchange import Found, Verdict
from reverse_etl.conversation.edits import is_same
from reverse_etl.conversation.verdicts import rejected
from reverse_etl.destinations.postgres.table import PostgresRefused, Table, quote, refusals

LIMITS = Limits(rows=10_000, bytes=10_000_000, requests_per_second=1_000, concurrency=1)


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
            refused = refusals(table, batch, list(batch.records))
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
