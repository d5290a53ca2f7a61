"""Opening the warehouse that the dbt profile names, together with the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reverse_etl.contract.profile import Profile
from reverse_etl.warehouse.duckdb import DuckDBWarehouse, open_duckdb
from reverse_etl.warehouse.session import Warehouse, WarehouseError

LOCK_PATIENCE_SECONDS = 600.0


@contextmanager
def open_warehouse(
    profile: Profile, home: Path, *, patience: float = LOCK_PATIENCE_SECONDS
) -> Iterator[Warehouse]:
    """Open the profile's warehouse together with the ledger, and close both.

    ``patience`` is for how many seconds a DuckDB file that another process holds is waited for.

    Raises:
        WarehouseError: it does not exist, or another process keeps it locked.
    """
    if profile.dialect == "duckdb":
        with open_duckdb(Path(profile.settings["path"]), home, patience) as connection:
            yield DuckDBWarehouse(connection)
    elif profile.dialect == "postgres":
        from reverse_etl.warehouse.postgres import open_postgres  # noqa: PLC0415 - an extra

        with open_postgres(profile.settings) as warehouse:
            yield warehouse
    else:
        raise WarehouseError(
            f"profiles.yml: target '{profile.target}' is of type '{profile.dialect}'; "
            "syncs run on duckdb and postgres."
        )
