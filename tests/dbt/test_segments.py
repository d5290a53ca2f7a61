"""Segments on the seeds: who is in them, what they remember, and how time alone moves people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import AS_OF, ROOT, Workspace

SHIPPED = {
    "abandoned_cart",
    "anonymous_visitors_with_intent",
    "best_customers",
    "high_value_customers_at_risk",
    "new_customers",
    "newsletter_engaged",
    "open_deals_with_unresolved_tickets",
}
# Whoever adds a segment edits nothing else, no test either.
SEGMENTS = tuple(
    sorted(file.stem for file in (ROOT / "dbt_project" / "models" / "segments").glob("*.sql"))
)


def rows(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; the file is closed again before anybody builds."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def members(warehouse: Path, segment: str) -> set[str]:
    return {person for (person,) in rows(warehouse, f"select person_id from segments.{segment}")}


def remembered(warehouse: Path, segment: str) -> list[tuple[Any, ...]]:
    return rows(
        warehouse,
        "select person_id, entered_at, left_at from segments.segment_memberships "
        f"where segment = '{segment}' order by 1, 2",
    )


def rebuild(workspace: Workspace, folder: Path, as_of: str, *select: str) -> Workspace:
    """Return a copy of the workspace, its segments and all above them rebuilt as of an instant."""
    later = workspace.copy(folder, SEAMLINE_AS_OF=as_of)
    later.dbt("run", "--select", *(select or ("+path:models/segments",)))
    return later


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_segment_has_members_and_all_of_them_are_people(
    segment: str, built_warehouse: Path
) -> None:
    found = members(built_warehouse, segment)
    assert found or segment not in SHIPPED
    assert found <= {p for (p,) in rows(built_warehouse, "select person_id from marts.people")}


def test_these_are_all_segments(manifest: dict[str, Any]) -> None:
    named = {n["name"] for n in manifest["nodes"].values() if n["fqn"][1:2] == ["segments"]}
    models = {n for n in named if f"model.seamline.{n}" in manifest["nodes"]}
    assert SHIPPED <= models == set(SEGMENTS)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_memory_holds_exactly_the_members(segment: str, built_warehouse: Path) -> None:
    memory = remembered(built_warehouse, segment)
    assert {person for person, _, left_at in memory if left_at is None} == members(
        built_warehouse, segment
    )
    assert {entered_at.isoformat() for _, entered_at, _ in memory} == {AS_OF}


def test_an_abandoned_cart_shows_what_lies_in_it(built_warehouse: Path) -> None:
    for cart_id, items, item_count, status in rows(
        built_warehouse,
        "select cart_id, items, item_count, status "
        "from segments.abandoned_cart inner join marts.carts using (cart_id, item_count)",
    ):
        content = json.loads(items)
        assert status == "abandoned"
        assert sum(item["quantity"] for item in content) == item_count, cart_id
        assert all(item["sku"] and item["product_name"] for item in content)


def test_building_again_at_the_same_instant_changes_no_memory(
    built: Workspace, tmp_path: Path
) -> None:
    again = rebuild(built, tmp_path / "again", AS_OF, "path:models/segments")
    for segment in SEGMENTS:
        assert remembered(again.warehouse, segment) == remembered(built.warehouse, segment)


def test_what_was_mended_at_the_same_instant_replaces_what_was_remembered(
    built: Workspace, tmp_path: Path
) -> None:
    mended = built.copy(tmp_path / "mended")
    gone, *_ = sorted(members(built.warehouse, "best_customers"))
    with duckdb.connect(str(mended.warehouse)) as connection:
        connection.execute("update marts.people set order_count = 0 where person_id = ?", [gone])
    mended.dbt("run", "--select", "best_customers")
    assert gone not in {person for person, _, _ in remembered(mended.warehouse, "best_customers")}


def test_an_earlier_instant_rewrites_no_memory(built: Workspace, tmp_path: Path) -> None:
    earlier = rebuild(built, tmp_path / "earlier", "2026-10-01T00:00:00", "new_customers")
    assert members(earlier.warehouse, "new_customers") != members(built.warehouse, "new_customers")
    assert remembered(earlier.warehouse, "new_customers") == remembered(
        built.warehouse, "new_customers"
    )


def test_time_alone_moves_people(built: Workspace, tmp_path: Path) -> None:
    """Six weeks pass, nothing lands: carts and firsts are forgotten, good customers fall silent."""
    landed = "select * from raw.landed_files order by all"
    later = rebuild(built, tmp_path / "later", "2026-12-15T00:00:00")
    before, after = built.warehouse, later.warehouse
    assert rows(after, landed) == rows(before, landed)

    for forgotten in ("abandoned_cart", "new_customers", "anonymous_visitors_with_intent"):
        assert members(before, forgotten) and not members(after, forgotten)
        assert all(left_at is not None for _, _, left_at in remembered(after, forgotten))

    silent = "high_value_customers_at_risk"
    newly_silent = members(after, silent) - members(before, silent)
    assert newly_silent
    entered = {person: at.isoformat() for person, at, _ in remembered(after, silent)}
    assert {entered[person] for person in newly_silent} == {"2026-12-15T00:00:00"}
    stayed = members(after, silent) & members(before, silent)
    assert {entered[person] for person in stayed} <= {AS_OF}


def test_a_cart_is_abandoned_after_half_an_hour_of_nothing(
    built: Workspace, tmp_path: Path
) -> None:
    ((person, waiting, abandoned),) = rows(
        built.warehouse,
        "select person_id, last_activity_at + interval 1799 second, "
        "last_activity_at + interval 1800 second "
        "from segments.abandoned_cart order by last_activity_at desc, person_id limit 1",
    )
    # Nothing happens to this cart any more, so that what lies above carts need not move in time.
    above = ("2+carts", "abandoned_cart")
    before = rebuild(built, tmp_path / "waiting", waiting.isoformat(), *above)
    after = rebuild(built, tmp_path / "abandoned", abandoned.isoformat(), *above)
    assert person not in members(before.warehouse, "abandoned_cart")
    assert person in members(after.warehouse, "abandoned_cart")


def test_an_expired_segment_has_no_audience(built: Workspace, tmp_path: Path) -> None:
    audiences = "select distinct audience from activation.sync_klaviyo_audience_members"
    assert ("abandoned_cart",) in rows(built.warehouse, audiences)
    expired = rebuild(
        built, tmp_path / "expired", "2029-01-01T00:00:00", "sync_klaviyo_audience_members"
    )
    assert rows(expired.warehouse, audiences) == []


def test_an_audience_row_carries_what_its_channel_needs(built_warehouse: Path) -> None:
    for audience, label, purpose, properties in rows(
        built_warehouse,
        "select audience, audience_label, purpose, properties "
        "from activation.sync_klaviyo_audience_members",
    ):
        evidence = json.loads(properties)
        assert label and purpose
        assert "person_id" not in evidence
        if audience == "abandoned_cart":
            assert isinstance(evidence["items"], list), "a cart goes as JSON, not as quoted text"


def test_anonymous_members_stay_in_without_a_match_key(built_warehouse: Path) -> None:
    found = rows(
        built_warehouse,
        "select email, phone, external_id from activation.sync_meta_audience_members "
        "where audience = 'anonymous_visitors_with_intent'",
    )
    assert found
    assert set(found) == {(None, None, None)}


def test_a_segment_nobody_built_stops_the_activation(built: Workspace, tmp_path: Path) -> None:
    broken = built.copy(tmp_path / "broken")
    with duckdb.connect(str(broken.warehouse)) as connection:
        connection.execute("drop table segments.new_customers")
    done = broken.dbt("run", "--select", "sync_klaviyo_audience_members", check=False)
    assert done.returncode == 1
    assert "the segment 'new_customers' is not built yet" in done.stdout
    audience = "select count(*) from activation.sync_klaviyo_audience_members"
    assert rows(broken.warehouse, audience) == rows(built.warehouse, audience)
