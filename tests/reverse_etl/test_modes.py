"""What each mode adds, changes and takes away."""

from __future__ import annotations

from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people


def test_an_upsert_leaves_what_is_gone_and_a_mirror_removes_it(
    world: World, channel: Recorder
) -> None:
    world.declare("contacts", "upsert")
    world.declare("copies", "mirror")
    world.contacts(people(5))
    world.contacts(people(5, start=10), "copies")
    world.run("contacts")
    world.run("copies")
    channel.clear()
    world.contacts(people(4))
    world.contacts(people(4, start=10), "copies")
    assert world.run("contacts").removed == 0
    result = world.run("copies")
    assert (result.removed, result.acknowledged) == (1, 1)
    (record,) = channel.records
    assert (record["operation"], record["key"]) == ("remove", "p14")
    assert record["sent_match"] == {"email": "person14@example.com"}
    assert "p4" in channel.held and "p14" not in channel.held


def test_nothing_that_we_did_not_add_is_ever_removed(world: World, channel: Recorder) -> None:
    channel.held["theirs"] = {"name": "put there by hand"}
    world.declare("copies", "mirror")
    world.contacts(people(3), "copies")
    world.run("copies")
    world.contacts(people(1), "copies")
    world.run("copies", overrides=["removed_fraction"])
    assert set(channel.held) == {"theirs", "p0"}


def test_an_event_is_appended_once_even_if_its_row_changes(world: World, channel: Recorder) -> None:
    world.declare("events", "append", purpose="orders")
    world.contacts(people(3), "events")
    assert world.run("events").appended == 3
    world.contacts([*people(2), ("p2", "other@example.com", "Other", 0), *people(1, 3)], "events")
    result = world.run("events")
    assert (result.appended, result.changed) == (1, 0)
    assert channel.deliveries == {"p0": 1, "p1": 1, "p2": 1, "p3": 1}


def test_an_event_leaves_no_address_in_the_ledger(world: World) -> None:
    world.declare("events", "append", purpose="orders")
    world.contacts(people(3), "events")
    world.run("events")
    assert world.ledger("select count(match) from sync_snapshot") == [(0,)]


def test_an_audience_is_created_once_and_members_come_and_go(
    world: World, channel: Recorder
) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("a", "b")
    world.members(
        [
            ("a", "cart", "newsletter", "a@example.com"),
            ("b", "cart", "newsletter", "b@example.com"),
            ("b", "vip", "newsletter", "b@example.com"),
        ]
    )
    assert world.run("members").added == 3
    lists = [body["list"] for body in channel.requests if "list" in body]
    assert sorted(lists) == ["Cart", "Vip"]
    assert set(channel.held) == {"cart/a", "cart/b", "vip/b"}
    assert channel.held["vip/b"] == {"email": "b@example.com", "city": "Berlin"}
    channel.clear()
    world.members(
        [("a", "cart", "newsletter", "a@example.com"), ("b", "vip", "newsletter", "b@example.com")]
    )
    assert world.run("members").removed == 1
    assert not any("list" in body for body in channel.requests)
    assert set(channel.held) == {"cart/a", "vip/b"}
    assert world.ledger("select audience, label, channel_id from sync_audiences order by 1") == [
        ("cart", "Cart", "list-cart"),
        ("vip", "Vip", "list-vip"),
    ]


def test_a_composite_key_cannot_be_confused_with_another(world: World, channel: Recorder) -> None:
    world.declare(key=["person_id", "name"])
    world.contacts([("a/b", "a@example.com", "c", 1), ("a", "b@example.com", "b/c", 1)])
    assert world.run().acknowledged == 2
    assert len(channel.held) == 2


def test_values_arrive_as_json_knows_them(world: World, channel: Recorder) -> None:
    columns = {"person_id": "string", "email": "string", "seen_at": "timestamp", "day": "date"}
    columns |= {"amount": "numeric(18,4)", "ratio": "float", "flag": "boolean", "quote": "string"}
    world.declare(columns=columns)
    types = "person_id text, email text, seen_at timestamp, day date, amount decimal(18,4), "
    types += "ratio double, flag boolean, quote text"
    world.rows(
        "activation.sync_contacts",
        [
            (
                "p",
                "p@example.com",
                "2026-10-01 12:00:00.5",
                "2026-10-01",
                "12.5",
                "nan",
                True,
                'é "quoted"\n\\',
            ),
            ("q", None, None, None, None, 0.25, None, None),
        ],
        types,
    )
    result = world.run()
    assert channel.held["p"] == {
        "email": "p@example.com",
        "seen_at": "2026-10-01T12:00:00.500Z",
        "day": "2026-10-01",
        "amount": 12.5,
        "ratio": None,
        "flag": True,
        "quote": 'é "quoted"\n\\',
    }
    assert dict(result.held_reasons) == {"no match key": 1}


def test_only_one_key_is_sent_when_only_one_is_asked_for(world: World, channel: Recorder) -> None:
    world.declare()
    world.contacts(people(5))
    assert world.run(only="p3").acknowledged == 1
    assert set(channel.held) == {"p3"}
    assert world.run().acknowledged == 4


def test_a_new_column_is_sent_for_everybody(world: World, channel: Recorder) -> None:
    world.declare(columns={"person_id": "string", "email": "string"})
    world.rows("activation.sync_contacts", [("p", "p@example.com")], "person_id text, email text")
    world.run()
    world.declare()
    world.contacts([("p", "p@example.com", None, None)])
    assert world.run().changed == 1
    assert channel.held["p"] == {"email": "p@example.com", "name": None, "score": None}
