"""What the ledger says in SQL: how syncs fare, day by day, and how long deliveries take."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Workspace
from tests.dbt.given import drill_down
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import PostgresWorld, World, people

MODELS = ("--select", "sync_health", "delivery_latency")
COLUMNS = {"person_id": "string", "email": "string", "occurred_at": "timestamp"}


def results(world: World, place: Workspace, query: str) -> list[tuple[Any, ...]]:
    if isinstance(world, PostgresWorld):
        return world.sql(query)
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        if (world.home / "sync.duckdb").exists():
            connection.execute(f"attach '{world.home / 'sync.duckdb'}' as sync (read_only)")
        return connection.execute(query).fetchall()


@pytest.mark.timeout(600)
def test_the_ledger_is_there_in_sql(
    anywhere: World, channel: Recorder, parsed: Workspace, tmp_path: Path
) -> None:
    world = anywhere
    settings = world.settings if isinstance(world, PostgresWorld) else {}
    place = parsed.copy(tmp_path / "dbt", **settings, SEAMLINE_HOME=str(world.home))
    place.dbt("build", *MODELS)
    assert results(world, place, "select count(*) from marts.sync_health") == [(0,)]
    world.declare("copies", "mirror")
    world.contacts(people(12), "copies")
    channel.fault = lambda number, body: (
        207,
        {},
        {
            "results": [
                {"index": i, "status": 422 if record["key"] == "p3" else 200, "message": "no"}
                for i, record in enumerate(body["records"])
            ]
        },
    )
    assert world.run("copies").status == "rejected"
    channel.fault = lambda number, body: None
    world.contacts([], "copies")
    assert world.run("copies").status == "refused"
    world.declare("events", "append", columns=COLUMNS, purpose="orders")
    rows = [(f"p{n}", f"p{n}@example.com", f"2026-10-{n:02} 12:00:00") for n in (1, 2, 3, 4)]
    world.rows("activation.sync_events", rows, "person_id text, email text, occurred_at timestamp")
    world.run("events")
    place.dbt("build", *MODELS)
    health = results(
        world,
        place,
        "select sync, runs, refused_runs, planned, acknowledged, rejected, held_back, "
        "warehouse_seconds_per_audience > 0, rows_per_second > 0 from marts.sync_health order by 1",
    )
    assert health == [
        ("copies", 2, 1, 12, 11, 1, 11, True, True),
        ("events", 1, 0, 4, 4, 0, 0, True, True),
    ]
    latency = results(
        world,
        place,
        "select sync, deliveries, longest_seconds - median_seconds, "
        "longest_seconds - slowest_twentieth_seconds from marts.delivery_latency",
    )
    assert latency == [("events", 4, 2 * 86_400.0, 0.0)]
    for mart in ("sync_health", "delivery_latency"):
        aggregate, rows = drill_down(place, mart, partial(results, world))
        assert aggregate
        assert aggregate == rows
    assert world.run("events").status == "done", "dbt has let go of the ledger"
