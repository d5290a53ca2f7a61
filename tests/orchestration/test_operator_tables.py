"""The figures and tables on a plan and a sync: right, plottable, and no cell breaks its row."""

from __future__ import annotations

from dataclasses import replace

from orchestration.defs.operator_tables import plan_metadata, sync_metadata
from reverse_etl.planning.guards import GuardVerdict
from reverse_etl.planning.plan import Plan
from reverse_etl.sync import SyncResult

PLAN = Plan("r1", "meta_members", "meta", "members", "audience", added=3, sending={"add": 2})


def test_whom_a_channel_can_find_is_a_figure_where_it_is_known() -> None:
    known = replace(PLAN, match_rows=8, match_coverage=(("email", 5), ("any", 6)))
    assert plan_metadata(known, [])["findable_percent"] == 75.0
    assert "findable_percent" not in plan_metadata(PLAN, [])


def test_a_refusal_of_one_audience_is_no_refusal_of_the_sync() -> None:
    one = GuardVerdict("removed_fraction", False, "half of it", audience="vip")
    whole = GuardVerdict("zero_rows", False, "empty")
    assert plan_metadata(PLAN, [])["verdict"] == "passed"
    assert plan_metadata(replace(PLAN, guards=(one,)), [])["verdict"] == "some audiences refused"
    assert plan_metadata(replace(PLAN, guards=(one, whole)), [])["verdict"] == "refused"


def test_a_vendor_s_reason_stays_in_its_cell() -> None:
    reasons = (("bad | value\nsecond line", 4), *((f"reason {number}", 1) for number in range(20)))
    result = SyncResult("r1", "s", "meta", "rejected", acknowledged=12, rejected=4)
    metadata = sync_metadata(replace(result, rejections=reasons, duration_seconds=2.0))
    lines = metadata["rejections"].value.splitlines()
    assert lines[2] == r"| bad \| value second line | 4 |"
    assert len(lines) == 12
    assert metadata["accepted_percent"] == 75.0
    assert metadata["records_per_second"] == 8.0


def test_a_sample_says_why_each_record_is_planned() -> None:
    planned = (
        ("add", None, None, "new"),
        ("change", "city, email", None, "city, email changed"),
        ("hold", None, "consent denied", "consent denied"),
        ("remove", None, None, "no longer in the model"),
        ("remove", None, "suppressed", "suppressed"),
    )
    rows = [
        {"operation": operation, "audience": "vip", "key": "k", "changed_fields": f, "reason": r}
        for operation, f, r, _ in planned
    ]
    lines = plan_metadata(PLAN, rows)["sample"].value.splitlines()
    assert lines[2:] == [f"| {operation} | vip | k | {why} |" for operation, _, _, why in planned]
