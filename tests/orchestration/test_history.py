"""Past days of the segments, backfilled as somebody asks for it in the UI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import duckdb
import pytest

from tests.conftest import Workspace
from tests.orchestration.conftest import environment, load_definitions

DAYS = dg.AssetKey(["segments", "segment_days"])
CARTS = "abandoned_cart"
EVERY = "select segment, cast(day as text), person_id from segments.segment_days order by all"


@dataclass(frozen=True)
class House:
    """A warehouse as of midnight, which is also the end of the last day that there can be."""

    definitions: dg.Definitions
    workspace: Workspace
    instance: dg.DagsterInstance

    def backfill(self, first_day: str, last_day: str) -> dg.ExecuteInProcessResult:
        """One run over a range of partitions, as a backfill launches it."""
        ends = {"start": first_day, "end": last_day}
        return self.definitions.resolve_job_def("segment_history").execute_in_process(
            instance=self.instance,
            tags={f"dagster/asset_partition_range_{end}": day for end, day in ends.items()},
            raise_on_error=False,
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def house(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("history") / "home"
    workspace = built.copy(folder, SEAMLINE_MANIFEST=str(folder / "manifest.json"))
    with environment(workspace.environment), dg.instance_for_test() as instance:
        yield House(load_definitions().defs, workspace, instance)


def test_the_members_of_past_days_are_told_in_one_run(house: House) -> None:
    assert house.backfill("2026-10-30", "2026-10-31").success
    told = house.rows(EVERY)
    assert {day for _, day, _ in told} == {"2026-10-30", "2026-10-31"}
    names = {name for name, _, _ in told}
    assert len(names) >= 6
    for name in names:
        today = house.rows(f"select person_id from segments.{name} order by 1")
        assert [(who,) for each, day, who in told if (each, day) == (name, "2026-10-31")] == today
    # A day earlier, these carts had not been left alone for half an hour, or were not there.
    recent = house.rows(
        f"select person_id from segments.{CARTS} "
        "where last_activity_at >= timestamp '2026-10-30 23:30:00'"
    )
    assert recent
    before = {who for name, day, who in told if (name, day) == (CARTS, "2026-10-30")}
    assert before
    assert not before & {who for (who,) in recent}


def test_a_day_told_twice_is_told_once(house: House) -> None:
    house.backfill("2026-10-30", "2026-10-31")
    told = house.rows(EVERY)
    assert house.backfill("2026-10-30", "2026-10-30").success
    assert house.rows(EVERY) == told


def test_each_day_has_its_sizes(house: House) -> None:
    house.backfill("2026-10-30", "2026-10-31")
    wanted = dg.AssetRecordsFilter(DAYS, asset_partitions=["2026-10-30"])
    [record] = house.instance.fetch_materializations(wanted, limit=1).records
    assert record.asset_materialization
    counted = "select count(*) from segments.segment_days where segment = '{}' and day = '{}'"
    [(size,)] = house.rows(counted.format(CARTS, "2026-10-30"))
    assert record.asset_materialization.metadata[f"members_{CARTS}"].value == size > 0


def test_a_day_that_has_not_ended_is_refused(house: House) -> None:
    house.backfill("2026-10-31", "2026-10-31")
    told = house.rows(EVERY)
    ended = house.backfill("2026-11-01", "2026-11-01")
    assert not ended.success
    [failed] = [event for event in ended.all_events if event.is_step_failure]
    assert "2026-11-01 had not ended when the tables were built" in str(failed.step_failure_data)
    assert house.rows(EVERY) == told
