"""The views by which other tools read audiences, in the shape that Census reads, and overlaps."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt.test_segments import SEGMENTS, members, rows


def columns(warehouse: Path, view: str) -> list[str]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return [str(each[0]) for each in connection.table(f"audiences.{view}").limit(0).description]


def test_memberships_join_people_and_audiences_by_id(built_warehouse: Path) -> None:
    found = rows(
        built_warehouse, "select audience_id, person_id from audiences.audience_memberships"
    )
    expected = {(name, person) for name in SEGMENTS for person in members(built_warehouse, name)}
    assert sorted(found) == sorted(expected)
    ids = {audience for (audience,) in rows(built_warehouse, "select id from audiences.audiences")}
    assert ids == set(SEGMENTS)
    assert columns(built_warehouse, "audience_memberships") == ["person_id", "audience_id"]
    assert columns(built_warehouse, "audiences")[:3] == ["id", "name", "description"]
    assert columns(built_warehouse, "people")[0] == "id"


def test_people_are_those_who_are_in_an_audience_each_once(built_warehouse: Path) -> None:
    found = rows(built_warehouse, "select id, email from audiences.people order by 1")
    anybody = {person for name in SEGMENTS for person in members(built_warehouse, name)}
    assert [person for person, _ in found] == sorted(anybody)
    emails = dict(rows(built_warehouse, "select person_id, email from marts.people"))
    assert dict(found) == {person: emails[person] for person in anybody}


def test_overlaps_are_the_intersections_of_the_tables(built_warehouse: Path) -> None:
    expected: dict[tuple[str, str], tuple[Any, ...]] = {}
    sets = {name: members(built_warehouse, name) for name in SEGMENTS}
    for one, other in combinations(sorted(SEGMENTS), 2):
        shared = len(sets[one] & sets[other])
        if shared:
            share = shared / len(sets[one] | sets[other])
            expected[one, other] = (shared, pytest.approx(share, abs=1e-6))
    found = rows(built_warehouse, "select * from audiences.audience_overlaps")
    assert len(expected) > 3
    assert {(one, other): tuple(values) for one, other, *values in found} == expected
    assert len(found) == len(expected)
