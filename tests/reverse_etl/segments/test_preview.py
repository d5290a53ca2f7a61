"""What a segment would be, and what a change would do, before anything is built."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reverse_etl.contract.manifest import Manifest
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.identity.masking import mask
from reverse_etl.segments.backtest import backtest
from reverse_etl.segments.catalogue import SIZES, catalogue_page
from reverse_etl.segments.coverage import Reach
from reverse_etl.segments.difference import Change, difference
from reverse_etl.segments.preview import preview
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import Segment, find_segment, segments
from reverse_etl.segments.shown import Shown, declared_words
from reverse_etl.warehouse.opening import open_warehouse
from reverse_etl.warehouse.session import Warehouse
from tests.conftest import AS_OF, Workspace

BUILT = datetime.fromisoformat(AS_OF)


def changed(project: Project, **replaced: tuple[str, str]) -> Manifest:
    """The manifest as it was before some models were changed: new text to former, by model."""
    nodes = dict(project.manifest.nodes)
    for model, (now, before) in replaced.items():
        unique_id = project.manifest.model(model)
        assert unique_id
        node = nodes[unique_id]
        assert now in node["compiled_code"]
        nodes[unique_id] = {**node, "compiled_code": node["compiled_code"].replace(now, before)}
    manifest = project.manifest
    return Manifest(manifest.path, nodes, manifest.sources, manifest.exposures)


def test_a_preview_says_what_the_table_holds(project: Project, warehouse: Warehouse) -> None:
    for segment in segments(project.manifest):
        found = preview(project, warehouse, segment)
        ((size,),) = warehouse.rows(f"select count(*) from segments.{segment.name}")
        assert found.size == size
        for overlap in found.overlaps:
            ((both,),) = warehouse.rows(
                f"select count(*) from segments.{segment.name}"
                f" inner join segments.{overlap.segment} using (person_id)"
            )
            assert overlap.shared == both


def test_the_reach_is_what_the_plan_would_add(
    compiled: Workspace, project: Project, tmp_path: Path
) -> None:
    """The planner and the preview judge alike: consent, suppression and match keys."""
    planned = json.loads(compiled.copy(tmp_path / "planned").seamline("plan", "--json").stdout)
    expected = {
        (plan["sync"], audience): counts["added"]
        for plan in planned
        for audience, counts in plan["audiences"].items()
    }
    assert sum(expected.values()) > 50
    with open_warehouse(project.profile, project.home) as warehouse:
        found = {
            (each.sync, segment.name): each.reached
            for segment in segments(project.manifest)
            for each in preview(project, warehouse, segment).coverage
        }
    assert found == {**dict.fromkeys(found, 0), **expected}


def test_a_draft_is_compiled_and_masked_without_being_added(
    compiled: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "lamp_lovers.sql"
    file.write_text(
        "select person_id, email, last_name, order_count from {{ ref('people') }}\n"
        "where last_order_at >= {{ days_before(as_of(), 30) }} and email is not null"
    )
    with duckdb.connect(str(compiled.warehouse), read_only=True) as connection:
        emails = connection.execute(
            "select email from marts.people where email is not null"
            " and last_order_at >= timestamp '2026-10-02'"
        ).fetchall()
    asked = ("preview", str(file), "--json")
    masked = json.loads(compiled.seamline(*asked).stdout)
    assert masked["size"] == len(emails) > 5
    assert {each["sync"] for each in masked["coverage"]} == {
        "klaviyo_audience_members",
        "meta_audience_members",
    }
    said = json.dumps(masked)
    assert not any(email in said for (email,) in emails)
    row = {"email": emails[0][0], "order_count": 2, "person_id": "p"}
    assert Shown(show_pii=True).values(row) == row
    assert Shown().values(row) == {**row, "email": mask(emails[0][0])}


def test_only_words_that_a_contract_declares_are_shown(compiled: Workspace) -> None:
    """Fails closed: another text in that column, or that word in another column, is masked."""
    sample = json.loads(compiled.seamline("preview", "new_customers", "--json").stdout)["sample"]
    with duckdb.connect(str(compiled.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select first_order_channel from segments.new_customers order by person_id limit 5"
        ).fetchall()
    assert [row["first_order_channel"] for row in sample] == [word for (word,) in found]
    shown = Shown(words=declared_words(Manifest.read(compiled.manifest)))
    row = {"first_order_channel": "Store Street 5", "last_name": "store", "unknown": "store"}
    assert shown.values(row) == {column: mask(text) for column, text in row.items()}


def test_two_rows_of_one_person_are_no_segment(project: Project, warehouse: Warehouse) -> None:
    draft = Segment("twice", "", "select person_id from marts.orders where person_id <> ''", {})
    with pytest.raises(SeamlineError, match="one row per person"):
        preview(project, warehouse, draft)
    nobody = Segment("nobody", "", "select order_id from marts.orders", {})
    with pytest.raises(SeamlineError, match="yields no person_id"):
        preview(project, warehouse, nobody)


def test_a_change_of_a_segment_names_who_moves_and_by_what(
    project: Project, warehouse: Warehouse
) -> None:
    base = changed(project, best_customers=("order_count >= 3", "order_count >= 5"))
    (change,) = difference(project, base, warehouse)
    ((expected,),) = warehouse.rows(
        "select count(*) from segments.best_customers where order_count < 5"
    )
    assert (change.name, change.entered, change.left) == ("best_customers", expected, 0)
    assert change.entered_by == (("people.order_count >= 5", expected),)
    assert [each.sync for each in change.added] == ["meta_audience_members"]
    assert change.added[0].people == expected
    assert change.is_past_threshold


def test_a_change_of_a_mart_moves_the_segments_above_it(
    project: Project, warehouse: Warehouse
) -> None:
    """Only carts changed: they are abandoned after half an hour, and were after ten days."""
    base = changed(project, carts=(">= 1800", ">= 864000"))
    found = {change.name: change for change in difference(project, base, warehouse)}
    assert set(found) == {"abandoned_cart"}
    ((recent,),) = warehouse.rows(
        "select count(*) from segments.abandoned_cart"
        " where last_activity_at > timestamp '2026-10-22'"
    )
    assert 0 < found["abandoned_cart"].entered <= recent
    assert any("carts.status" in cause for cause, _ in found["abandoned_cart"].entered_by)


def test_no_change_moves_nobody(project: Project, warehouse: Warehouse) -> None:
    assert difference(project, project.manifest, warehouse) == []


def test_the_threshold_is_the_yaml_s() -> None:
    def moved(entered: int, **meta: Any) -> Change:
        segment = Segment("s", "", "", meta)
        return Change("s", segment, segment, 100, 100, entered, 0)

    assert not moved(10).is_past_threshold
    assert moved(11).is_past_threshold
    assert not moved(50, max_changed_fraction=0.5).is_past_threshold
    assert moved(1, max_changed_fraction=0).is_past_threshold


def test_the_command_writes_markdown_and_stops_past_the_threshold(
    compiled: Workspace, project: Project, tmp_path: Path
) -> None:
    base = changed(project, best_customers=("order_count >= 3", "order_count >= 5"))
    content = {"nodes": base.nodes, "sources": base.sources, "exposures": base.exposures}
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(content))
    done = compiled.seamline("diff", "--base", str(file), check=False)
    assert done.returncode == 3, done.stderr
    assert "| `best_customers` |" in done.stdout
    assert "`people.order_count >= 5`" in done.stdout
    assert "**moves more than 10%**" in done.stdout
    same = compiled.seamline("diff", "--base", str(compiled.manifest))
    assert "Nobody enters or leaves a segment." in same.stdout


def test_a_replay_is_what_dbt_builds_of_that_instant(
    compiled: Workspace, project: Project, tmp_path: Path
) -> None:
    """As true then, by all that is known now."""
    past = "2026-10-10T00:00:00"
    rebuilt = compiled.copy(tmp_path / "past", SEAMLINE_AS_OF=past, SEAMLINE_KNOWN_AT=AS_OF)
    above = ["intermediate/events", "intermediate/orders", "intermediate/profiles"]
    above += ["intermediate/metrics/int_purchases_counted.sql"]
    above += ["marts/events", "marts/profiles/people.sql", "marts/crm/email_events.sql", "segments"]
    rebuilt.dbt("run", "--select", *(f"path:models/{each}" for each in above))
    with open_warehouse(project.profile, project.home) as warehouse:
        replay = Replay(warehouse, project.manifest, datetime.fromisoformat(past))
        for segment in segments(project.manifest):
            if segment.name == "open_deals_with_unresolved_tickets":
                continue  # a state without a past: deals and tickets are as they are now
            found = set(replay.rows(replay.of(segment)))
            with duckdb.connect(str(rebuilt.warehouse), read_only=True) as connection:
                built = connection.execute(f"select * from segments.{segment.name}").fetchall()
            assert found == set(built), segment.name


def test_a_backtest_ends_where_the_table_stands(project: Project, warehouse: Warehouse) -> None:
    segment = find_segment(project.manifest, "new_customers")
    start = datetime(2026, 10, 28)
    found = backtest(project, warehouse, segment, start, BUILT)
    assert [day.moment.day for day in found.days] == [28, 29, 30, 31, 1]
    ((size,),) = warehouse.rows("select count(*) from segments.new_customers")
    assert found.days[-1].size == size
    for before, after in zip(found.days, found.days[1:], strict=False):
        assert after.size == before.size + after.entered - after.left
        assert after.sent <= after.entered
    ((entered,),) = warehouse.rows(
        "select count(*) from marts.people where first_order_at > timestamp '2026-10-28'"
    )
    assert found.entered == entered > 0
    ((orders,),) = warehouse.rows(f"""
        select count(*) from marts.orders inner join marts.people using (person_id)
        where first_order_at > timestamp '2026-10-28' and status = 'placed'
            and ordered_at > date_trunc('day', first_order_at) + interval 1 day
            and ordered_at <= timestamp '{BUILT}'
    """)
    assert found.orders == orders
    with pytest.raises(SeamlineError, match="choose an end"):
        backtest(project, warehouse, segment, BUILT, start)


def test_the_catalogue_says_all_of_it_and_nobody_s_address(
    project: Project, warehouse: Warehouse
) -> None:
    page = catalogue_page(project, warehouse)
    for segment in segments(project.manifest):
        for fact in ("label", "objective", "owner"):
            assert str(segment.meta[fact]).replace("'", "&#39;") in page
    told = f"<dt>As of</dt><dd>{BUILT:%Y-%m-%d %H:%M} UTC</dd>"
    assert page.count(told) == sum(1 for _ in segments(project.manifest))
    # One size makes no line.
    moved = warehouse.rows(f"select count(*) from {SIZES} group by segment")
    assert page.count("<polyline") == sum(sizes > 1 for (sizes,) in moved)
    assert "Paused" not in page
    for (email,) in warehouse.rows("select email from marts.people where email is not null"):
        assert email not in page
    assert "<script" not in page
    assert "http" not in page


def test_people_reached_are_people_asked_about(project: Project, warehouse: Warehouse) -> None:
    segment = find_segment(project.manifest, "best_customers")
    reach = Reach(project, warehouse, Replay(warehouse, project.manifest), segment)
    query = "select person_id from segments.best_customers"
    (coverage,) = reach.coverage(query)
    assert len(reach.reached(query)["meta_audience_members"]) == coverage.reached > 0
