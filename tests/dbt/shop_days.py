"""A shop's days: orders, late ones among them, and accounts that turn two people into one.

Everything is in staging from the start; each day knows what had arrived by then. As a program it
builds the days that it is given in one process, since starting dbt costs as much as a day does:
``python -m tests.dbt.shop_days '[["warehouse.duckdb", 0, false], …]'`` with warehouse, day and
whether everything is rebuilt. It prints the segment's rows and the people's after each.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

SEGMENT = "new_customers"
CUSTOMERS = 60
_VARIABLES = {"sources": ["shop"]}
_FIRST = datetime(2026, 9, 1, 12)
_MODELS = [
    *("path:models/intermediate/identity", "identities", "person_records"),
    *("int_exchange_rates_dated", "int_orders_attributed", "orders"),
    *("int_purchases_counted", "int_people_counted", "people", SEGMENT),
]
_MEMORY = ["membership_history", "audience_sizes"]

# What this shop has nothing of, and nobody builds.
_EMPTY = {
    "marts.events": "person_id text, occurred_at timestamp",
    "marts.returns": "person_id text, order_id text, amount numeric(18, 4),"
    " amount_reporting numeric(18, 4)",
    "marts.field_provenance": "person_id text, field text, value text, source_name text",
    "reference.identity_decisions": "action text, left_type text, left_value text,"
    " right_type text, right_value text, note text",
    "reference.exchange_rates": "currency_code text, valid_from date, eur_rate numeric(18, 4)",
}
_STAGING = {
    "identifiers": "identifier_type text, identifier_value text, observed_at timestamp,"
    " arrived_at timestamp",
    "attributes": "attribute_name text, attribute_value text, observed_at timestamp,"
    " is_verified boolean",
    "orders": "order_id text, order_channel text, status text, currency text, cart_id text,"
    " gross_amount numeric(18, 4), discount_amount numeric(18, 4), ordered_at timestamp",
}


def instant(day: int) -> datetime:
    """The instant as of which a day's run judges."""
    return _FIRST + timedelta(days=day)


def write(path: Path, days: int) -> None:
    """Write what staging holds of so many days."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        for schema in ("staging", "marts", "reference"):
            connection.execute(f"create schema {schema}")
        for table, columns in _EMPTY.items():
            connection.execute(f"create table {table} ({columns})")
        connection.execute("insert into reference.exchange_rates values ('EUR', '2000-01-01', 1)")
        for entity, columns in _STAGING.items():
            connection.execute(
                f"create table staging.stg_shop__{entity} (source_name text, source_id text,"
                f" loaded_at timestamp, is_deleted boolean, row_status text, {columns})"
            )
        for entity, row in _landed(random.Random(days), days):
            marks = ", ".join("?" * len(row))
            connection.execute(f"insert into staging.stg_shop__{entity} values ({marks})", row)


def _landed(chance: random.Random, days: int) -> Iterator[tuple[str, list[object]]]:
    """Each customer buys now by address, now by account; on some day both prove to be one's.

    Every third has signed up with the address before, and buys by account alone.
    """
    for customer in range(CUSTOMERS):
        names = [("email", f"c{customer}@example.org"), ("shop_customer_id", f"C{customer}")]
        used = names
        if customer % 3 == 0:
            yield from _record(f"signup/{customer}", -4, names[:1])
            used = names[1:]
        for number in range(chance.randint(1, 5)):
            arrived = chance.choice([-3, *range(days)])
            happened = arrived - chance.choice([0, 0, 1, 3, 28, 29, 30, 31, 60])
            order = f"order/{customer}-{number}"
            yield from _record(order, arrived, [chance.choice(used)])
            ordered_at = instant(happened) - timedelta(hours=2)
            details = [order, "online", "placed", "EUR", None, 20, 0, ordered_at]
            yield "orders", [*_origin(order, arrived), *details]
        if chance.random() < 0.7:
            yield from _record(f"account/{customer}", chance.randint(1, days - 1), names)


def _record(
    name: str, arrived: int, identifiers: list[tuple[str, str]]
) -> Iterator[tuple[str, list[object]]]:
    moment = instant(arrived) - timedelta(hours=1)
    for kind, value in identifiers:
        yield "identifiers", [*_origin(name, arrived), kind, value, moment, moment]


def _origin(name: str, arrived: int) -> list[object]:
    return ["shop", name, instant(arrived) - timedelta(hours=1), False, "accepted"]


def _build(days: list[tuple[str, int, bool]]) -> list[list[list[str]]]:
    """Build each day in its warehouse; return the segment's rows and the people's after each."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    def dbt(manifest: object, *arguments: str) -> object:
        done = dbtRunner(manifest=manifest).invoke(["--quiet", *arguments])  # type: ignore[arg-type]
        if not done.success:
            failures = [f"{each.node.name}: {each.message}" for each in done.result or []]
            raise RuntimeError(f"dbt {arguments} failed: {done.exception} {failures}")
        return done.result

    parsed = dbt(None, "parse", "--vars", json.dumps(_VARIABLES))
    tables = []
    for warehouse, day, is_rebuilt in days:
        os.environ["SEAMLINE_DUCKDB_PATH"] = warehouse
        settings = json.dumps({**_VARIABLES, "as_of": instant(day).isoformat()})
        full = ["--full-refresh"] if is_rebuilt else []
        dbt(parsed, "run", "--vars", settings, *full, "--select", *_MODELS)
        dbt(parsed, "run", "--vars", settings, "--select", *_MEMORY)
        DuckDBConnectionManager.close_all_connections()
        with duckdb.connect(warehouse, read_only=True) as connection:
            tables.append([_rows(connection, t) for t in (f"segments.{SEGMENT}", "marts.people")])
    return tables


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Every row as text, the person first."""
    found = connection.execute(f"select * from {table}").fetchall()
    return sorted(",".join(map(str, row)) for row in found)


if __name__ == "__main__":
    print(json.dumps(_build(json.loads(sys.argv[1]))))
