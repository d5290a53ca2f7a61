"""Rows that a channel of hashes would find nobody by are held back, and the others counted."""

from __future__ import annotations

import pytest

from reverse_etl.report import console, plan_report
from tests.reverse_etl.world import World

COLUMNS = dict.fromkeys(
    ("person_id", "audience", "audience_label", "purpose", "email", "phone"), "string"
)
HASH = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"


def test_the_plan_predicts_whom_the_channel_can_find(
    anywhere: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [
        ("p1", "ada@example.com", "+442079460958"),
        ("p2", HASH, None),
        ("p3", "broken at example.com", "+442079460959"),
        ("p4", "nobody", None),
        ("p5", None, "  "),
        ("p6", " BEN@example.com ", None),
    ]
    rows = [(p, "vips", "Vips", "ads", email, phone) for p, email, phone in people]
    anywhere.declare("vips", "audience", COLUMNS, destination="meta",
                     object="custom_audience_members", match=["email", "phone"],
                     purpose="ads")  # fmt: skip
    anywhere.rows("activation.sync_vips", rows, ", ".join(f"{name} text" for name in COLUMNS))
    anywhere.consent(*(person for person, _, _ in people), purpose="ads")
    monkeypatch.setenv("META_URL", "http://127.0.0.1:9")
    plan = anywhere.plan("vips")
    assert (plan.added, dict(plan.held_reasons)) == (4, {"no match key": 2})
    coverage = {"rows": 6, "email": 3, "phone": 2, "any": 4}
    assert plan.as_json()["match_coverage"] == coverage
    screen = console()
    with screen.capture() as printed:
        screen.print(plan_report([plan], {}))
    assert "match keys of 6 rows: email 50%, phone 33%, any 67%" in printed.get()


def test_where_the_channel_judges_addresses_itself_it_is_asked(world: World) -> None:
    world.declare("contacts", "upsert")
    world.contacts([("p1", "broken at example.com", "Ada", 1), ("p2", None, "Ben", 2)])
    plan = world.plan()
    assert (plan.added, dict(plan.held_reasons)) == (1, {"no match key": 1})
    assert plan.as_json()["match_coverage"] == {"rows": 0}
