"""What a segment remembers, day after day, with late data, merges and rebuilds in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import ROOT, Workspace
from tests.dbt.shop_days import SEGMENT, instant, write

DAYS = int(os.environ.get("SEAMLINE_TEST_DAYS", "3"))


@dataclass(frozen=True)
class Lived:
    """The warehouse after the last day, and who was found in the segment on each."""

    warehouse: Path
    tables: list[list[list[str]]]
    """The segment's rows and the people's, as text, after each day."""
    rebuilt: list[list[list[str]]]
    """The same, of warehouses that saw no other day; the first day is such a one itself."""

    @property
    def members(self) -> list[list[str]]:
        """Who was in the segment after each day."""
        return [[row.partition(",")[0] for row in segment] for segment, _ in self.tables]

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(query, parameters).fetchall()

    @property
    def current(self) -> dict[str, str]:
        """Whom each person_id ever given out stands for today."""
        return dict(
            self.rows(
                "select person_id, current_person_id from intermediate.int_person_ids_resolved"
            )
        )

    def known_then(self, moment: datetime) -> list[str]:
        """Who the memory says was in the segment at an instant, under the ids of that instant."""
        found = self.rows(
            "select person_id from segments.segment_memberships where segment = ?"
            " and entered_at <= ? and (left_at is null or left_at > ?)",
            *(SEGMENT, moment, moment),
        )
        return sorted(person for (person,) in found)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder = tmp_path_factory.mktemp("days")
    workspace = Workspace(folder)
    warehouses = [
        folder / name / "warehouse.duckdb" for name in ("lived", *map(str, range(1, DAYS)))
    ]
    for warehouse in warehouses:
        write(warehouse, DAYS)
    days = [(str(warehouses[0]), day, day == DAYS // 2) for day in range(DAYS)]
    days += [(str(warehouses[day]), day, False) for day in range(1, DAYS)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.dbt.shop_days", json.dumps(days)],
        cwd=ROOT,
        env={**os.environ, **workspace.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tables = json.loads(done.stdout.splitlines()[-1])
    return Lived(warehouses[0], tables[:DAYS], tables[DAYS:])


def test_each_past_day_recomputes_to_what_was_known_then(lived: Lived) -> None:
    """Three ways to one answer: the day's own table, the memory of it, a rebuild from nothing.

    The rebuild is the same row for row: the segment with its evidence, and everybody.
    """
    assert all(lived.members), "an empty segment proves nothing"
    assert len({tuple(members) for members in lived.members}) > DAYS // 2
    remembered = [lived.known_then(instant(day)) for day in range(DAYS)]
    assert remembered == lived.members
    assert lived.rebuilt == lived.tables[1:]


def test_history_follows_people_through_merges(lived: Lived) -> None:
    """Told of the people of today: in it on a day is whoever was, under any id they ever had."""
    history = lived.rows(
        "select person_id, entered_at, left_at from audiences.membership_history where segment = ?",
        SEGMENT,
    )
    for day in range(DAYS):
        now = instant(day)
        told = {who for who, at, left in history if at <= now and (left is None or left > now)}
        assert told == {lived.current[person] for person in lived.members[day]}


def test_a_merge_is_neither_an_entry_nor_an_exit(lived: Lived) -> None:
    merged = {one: other for one, other in lived.current.items() if one != other}
    handed_over = lived.rows(
        "select retired.person_id, kept.person_id, retired.entered_at, retired.left_at"
        " from segments.segment_memberships as retired"
        " inner join segments.segment_memberships as kept"
        " on retired.left_at = kept.entered_at and retired.segment = kept.segment"
    )
    found = [row for row in handed_over if merged.get(row[0]) == row[1]]
    assert found, "no membership was handed over by a merge"
    for _, person, entered_at, moment in found:
        stays = lived.rows(
            "select entered_at, left_at from audiences.membership_history"
            " where segment = ? and person_id = ?",
            *(SEGMENT, person),
        )
        assert any(at <= entered_at and (end is None or end > moment) for at, end in stays)
        assert all(moment not in stay for stay in stays)


def test_the_sizes_are_those_of_the_days(lived: Lived) -> None:
    sizes = dict(
        lived.rows(
            "select moved_at, member_count from audiences.audience_sizes where segment = ?", SEGMENT
        )
    )
    assert len(sizes) > DAYS // 2
    for moment, count in sizes.items():
        assert count == len(lived.known_then(moment))
    counted = "select sum(entered_count) - sum(left_count) from audiences.audience_sizes"
    assert lived.rows(counted) == [(len(lived.members[-1]),)]
