"""The same story on every warehouse: what one engine decides, the other decides too."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people

TYPES = (
    "person_id text, email text, seen_at timestamp, day date, amount numeric(18,4), "
    "ratio double precision, flag boolean, count bigint, quote text"
)
COLUMNS = {part.split()[0]: part.split()[1] for part in TYPES.split(", ")}


def test_values_and_changes(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    world.declare("contacts", "mirror", columns=COLUMNS)
    rows: list[tuple[Any, ...]] = [
        (
            "p",
            "p@example.com",
            "2026-10-01 12:00:00.5",
            "2026-10-01",
            "12.5",
            "nan",
            True,
            3,
            'é"\n\\',
        ),
        ("q", "q@example.com", None, None, None, 0.25, None, None, ""),
        ("r", None, None, None, None, None, None, None, "x"),
    ]
    world.rows("activation.sync_contacts", rows, TYPES)
    result = world.run()
    assert (result.status, result.added, dict(result.held_reasons)) == (
        "done",
        2,
        {"no match key": 1},
    )
    assert channel.held["p"] == {
        "email": "p@example.com",
        "seen_at": "2026-10-01T12:00:00.500Z",
        "day": "2026-10-01",
        "amount": 12.5,
        "ratio": None,
        "flag": True,
        "count": 3,
        "quote": 'é"\n\\',
    }
    assert world.run().requests == 0
    rows[0] = (*rows[0][:4], "12.51", *rows[0][5:7], 4, rows[0][8])
    world.rows("activation.sync_contacts", [rows[0]], TYPES)
    plan = world.plan()
    assert (plan.changed, plan.removed) == (1, 1)
    assert dict(plan.changed_fields) == {"amount": 1, "count": 1}
    assert world.run().acknowledged == 2
    assert set(channel.held) == {"p"}


def test_the_whole_life_of_an_audience(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    world.declare("members", "audience", purpose="newsletter", guards={"stale_after_hours": 24})
    world.consent(*(f"p{n}" for n in range(9)))
    world.consent("p7", state="denied")
    rows = [(f"p{n}", "cart", "newsletter", f"person{n}@example.com") for n in range(9)]
    world.members(rows)
    first = world.run("members")
    assert (first.added, dict(first.held_reasons)) == (8, {"consent denied": 1})
    hashed = hashlib.sha256(b"person3@example.com").hexdigest()
    world.sql(
        f"insert into marts.suppressions values ('s', null, 'email', '{hashed}', 'email', 'r', "
        "'x', timestamp '2026-10-31')",
        "update raw_shop.customer set _loaded_at = timestamp '2026-10-01'",
    )
    world.members(rows[1:])
    second = world.run("members")
    assert (second.status, second.removed) == ("refused", 1)
    assert "cart/p0" in channel.held and "cart/p3" not in channel.held
    third = world.run("members", overrides=["stale_source"])
    assert (third.status, third.removed) == ("done", 1)
    assert set(channel.held) == {f"cart/p{n}" for n in (1, 2, 4, 5, 6, 8)}
    assert world.ledger(
        "select key, permission from sync_changelog where operation = 'remove' order by 1"
    ) == [("p0", "permitted"), ("p3", "suppressed")]


def test_rejections_and_silence(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    world.declare("contacts", "mirror")
    world.contacts(people(30))

    def fault(number: int, body: Any) -> Any:
        if any(record["key"] == "p25" for record in body["records"]):
            return 500, {"committed": ""}, {}
        results = [
            {"index": i, "status": 422 if record["key"] == "p4" else 200, "message": "no\t\\good\n"}
            for i, record in enumerate(body["records"])
        ]
        return 207, {}, {"results": results}

    channel.fault = fault
    first = world.run()
    assert (first.acknowledged, first.rejected, first.pending) == (19, 1, 10)
    assert world.ledger("select key, attempts from sync_rejected") == [("p4", 1)]
    channel.fault = lambda number, body: None
    world.contacts([row for row in people(30) if row[0] not in ("p4", "p25")])
    second = world.run()
    assert (second.status, second.added, second.removed) == ("done", 9, 1)
    assert set(channel.held) == {f"p{n}" for n in range(30)} - {"p4", "p25"}
    assert world.ledger("select count(*) from sync_rejected") == [(0,)]


def test_events_and_composite_keys(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    columns = {"person_id": "string", "email": "string", "occurred_at": "timestamp"}
    world.declare("events", "append", columns=columns, purpose="orders", key=["person_id", "email"])
    types = "person_id text, email text, occurred_at timestamp"
    rows = [("a/b", "c", "2026-10-01"), ("a", "b/c", "2026-10-01"), ("a", "b/c", "2026-10-02")]
    world.rows("activation.sync_events", rows, types)
    assert world.run("events").status == "refused"
    world.rows("activation.sync_events", rows[:2], types)
    assert world.run("events").appended == 2
    assert len(channel.held) == 2
    assert world.run("events").requests == 0


def test_a_record_under_a_new_key_is_neither_removed_nor_added(
    anywhere: World, channel: Recorder
) -> None:
    """Two people turn out to be one: their address stays, the other's address goes."""
    world = anywhere
    world.declare("members", "audience", purpose="newsletter")
    world.consent("a", "b", "c", "d")
    letters = ("a", "b", "c", "d")
    world.members([(x, "cart", "newsletter", f"{x}@example.com") for x in letters])
    world.run("members")
    channel.clear()
    world.consent("ab")
    world.members(
        [
            ("ab", "cart", "newsletter", "a@example.com"),
            ("c", "cart", "newsletter", "c@example.com"),
            ("d", "cart", "newsletter", "c@example.com"),
        ]
    )
    result = world.run("members")
    assert (result.added, result.changed, result.removed) == (0, 1, 1)
    assert sorted((r["operation"], r["key"]) for r in channel.records) == [
        ("remove", "cart/b"),
        ("upsert", "cart/d"),
    ]
    held = "select key, person_id from sync_snapshot order by 1"
    assert world.ledger(held) == [("ab", "ab"), ("c", "c"), ("d", "d")]
    channel.clear()
    world.members(
        [
            ("ab", "cart", "newsletter", "a@example.com"),
            ("d", "cart", "newsletter", "c@example.com"),
        ]
    )
    assert world.run("members").requests == 0
    assert world.ledger(held) == [("ab", "ab"), ("d", "d")]


def test_a_new_key_with_new_fields_is_a_change(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    world.declare("contacts", "mirror")
    world.contacts(people(3))
    world.run()
    channel.clear()
    world.contacts([*people(2), ("merged", "person2@example.com", "New name", 2)])
    result = world.run()
    assert (result.added, result.changed, result.removed) == (0, 1, 0)
    (record,) = channel.records
    assert (record["planned"], record["key"]) == ("change", "merged")
    assert record["sent_match"] == {"email": "person2@example.com"}
    assert world.run().requests == 0
