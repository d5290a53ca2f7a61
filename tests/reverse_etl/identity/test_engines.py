"""An explanation reads the same on PostgreSQL as on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import psycopg2
import pytest
from psycopg2.extras import execute_values

from tests.conftest import Workspace
from tests.postgres.server import PostgresServer

READ = (
    "intermediate.int_identity_edges",
    "intermediate.int_identity_components",
    "intermediate.int_attributes_attributed",
    "marts.identities",
    "marts.identity_changes",
    "reference.identity_decisions",
)
TYPES = {
    "VARCHAR": "text",
    "TIMESTAMP": "timestamp",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "BOOLEAN": "boolean",
}


@pytest.fixture(scope="module")
def on_postgres(
    built: Workspace, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A database that holds what an explanation reads, as DuckDB built it."""
    database = postgres.create_database("explained", icu=True)
    dsn = f"host=127.0.0.1 port={postgres.port} user={postgres.user} dbname={database}"
    with (
        duckdb.connect(str(built.warehouse), read_only=True) as source,
        psycopg2.connect(dsn) as connection,
        connection.cursor() as cursor,
    ):
        for relation in READ:
            cursor.execute(f"create schema if not exists {relation.partition('.')[0]}")
            described = source.execute(f"describe {relation}").fetchall()
            columns = ", ".join(f"{name} {TYPES[kind]}" for name, kind, *_ in described)
            cursor.execute(f"create table {relation} ({columns})")
            rows = source.execute(f"select * from {relation}").fetchall()
            if rows:
                execute_values(cursor, f"insert into {relation} values %s", rows)
    settings = {**postgres.environment(database), "SEAMLINE_MANIFEST": str(built.manifest)}
    yield Workspace(tmp_path_factory.mktemp("explained"), settings)


def test_both_engines_tell_the_same(built: Workspace, on_postgres: Workspace) -> None:
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        (person,) = connection.execute(
            "select person_id from marts.identities group by 1 order by count(*) desc, 1 limit 1"
        ).fetchone() or ("",)
        first, last = connection.execute(
            "select min(identifier_type || ':' || identifier_value),"
            " max(identifier_type || ':' || identifier_value)"
            " from marts.identities where person_id = ?",
            [person],
        ).fetchone() or ("", "")
        device, one, other = connection.execute(
            "select identifier_value, min(record_node), max(record_node)"
            " from intermediate.int_identity_edges where refusal_reason = 'shared_device'"
            " and source_id like 'login/%' group by 1 order by 1 limit 1"
        ).fetchone() or ("", "", "")
    for asked in (
        ("identity", first, last),
        ("identity", one, other),
        ("identity", f"anonymous_id:{device}", one),
        ("person", person),
    ):
        told = [w.seamline("explain", *asked, "--json").stdout for w in (built, on_postgres)]
        assert told[0] == told[1]
        assert len(told[0]) > 100
