"""Each guard: a case that trips it, and one beside it that does not."""

from __future__ import annotations

import pytest

from reverse_etl.errors import SeamlineError
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people


def refused(world: World, name: str = "contacts") -> list[str]:
    """Return the guards that refuse a plan."""
    return [verdict.name for verdict in world.plan(name).refusals]


def test_an_empty_relation_is_refused_while_the_channel_holds_records(
    world: World, channel: Recorder
) -> None:
    world.declare()
    world.contacts([])
    assert world.run().status == "done"
    world.contacts(people(3))
    world.run()
    world.contacts([])
    result = world.run()
    assert result.status == "refused"
    assert [verdict.name for verdict in result.guards if not verdict.passed] == ["zero_rows"]
    assert len(channel.held) == 3


def test_a_large_part_may_not_be_removed_at_once(world: World, channel: Recorder) -> None:
    world.declare("copies", "mirror", guards={"max_removed_fraction": 0.3})
    world.contacts(people(40), "copies")
    world.run("copies")
    world.contacts(people(28), "copies")
    assert refused(world, "copies") == []
    world.contacts(people(27), "copies")
    assert refused(world, "copies") == ["removed_fraction"]
    assert world.run("copies").status == "refused"
    assert len(channel.held) == 40
    result = world.run("copies", overrides=["removed_fraction"])
    assert (result.status, result.removed) == ("done", 13)
    assert world.ledger("select overrides from sync_runs where removed = 13") == [
        ("removed_fraction",)
    ]


def test_one_broken_audience_does_not_stop_the_others(world: World, channel: Recorder) -> None:
    world.declare("members", "audience", purpose="newsletter")
    everybody = [f"p{number}" for number in range(20)]
    world.consent(*everybody)
    rows = [(p, a, "newsletter", f"{p}@example.com") for a in ("one", "two") for p in everybody]
    world.members(rows)
    world.run("members")
    world.members([row for row in rows if row[1] == "two"][1:])
    result = world.run("members")
    assert (result.status, result.removed) == ("refused", 1)
    assert "two/p0" not in channel.held and "one/p0" in channel.held
    assert [(v.name, v.audience) for v in result.guards if not v.passed] == [
        ("removed_fraction", "one")
    ]


def test_a_count_of_removals_may_be_a_limit(world: World) -> None:
    world.declare("copies", "mirror", guards={"max_removed_count": 2})
    world.contacts(people(9), "copies")
    world.run("copies")
    world.contacts(people(7), "copies")
    assert refused(world, "copies") == []
    world.contacts(people(6), "copies")
    assert refused(world, "copies") == ["removed_count"]


def test_a_source_that_stopped_landing_is_stale(world: World) -> None:
    world.declare(guards={"stale_after_hours": 24})
    world.contacts(people(2))
    assert refused(world) == []
    world.sql("update raw_shop.customer set _loaded_at = timestamp '2026-10-30 23:00:00'")
    plan = world.plan()
    (verdict,) = plan.refusals
    assert verdict.name == "stale_source"
    assert verdict.reason == "shop last landed 2026-10-30 23:00; the limit is 24 hours"
    assert verdict.override == "--override stale_source"


@pytest.mark.parametrize("status", ["fail", "error"])
def test_a_failed_test_of_any_ancestor_refuses_until_it_passes(
    world: World, channel: Recorder, status: str
) -> None:
    world.declare()
    world.contacts(people(2))
    world.result("test.world.unique_sync_contacts", status)
    result = world.run()
    assert result.status == "refused" and channel.held == {}
    assert "failed: unique_sync_contacts" in [v.reason for v in result.guards]
    world.result("test.world.unique_sync_contacts", "pass")
    assert world.run().status == "done"


def test_a_warning_refuses_nothing(world: World) -> None:
    world.declare()
    world.contacts(people(2))
    world.result("test.world.unique_sync_contacts", "warn")
    assert refused(world) == []


def test_an_ancestor_that_was_not_built_refuses(world: World) -> None:
    world.declare()
    world.contacts(people(2))
    world.result("model.world.people", "error")
    assert world.plan().refusals[0].reason == "not built: people"
    world.sql("delete from ops.dbt_results where name = 'people'")
    assert world.plan().refusals[0].reason == "not built: people"
    world.sql("drop table ops.dbt_results")
    assert refused(world) == ["failed_tests"]


def test_a_failed_test_of_a_segment_refuses_its_audience_alone(
    world: World, channel: Recorder
) -> None:
    world.declare("members", "audience", purpose="newsletter")
    for name, channels in (("cart", ["tester"]), ("vip", ["tester"]), ("away", ["other"])):
        model = f"model.world.{name}"
        world.nodes[model] = world._model(name, "segments", ["model.world.people"])
        world.nodes[model]["config"]["meta"] = {"segment": {"channels": channels}}
        world.nodes[f"test.world.{name}"] = {
            "resource_type": "test",
            "name": f"test_{name}",
            "attached_node": model,
            "depends_on": {"nodes": [model]},
            "config": {},
        }
        world.result(model, "success")
        world.result(f"test.world.{name}", "pass")
    world.write_manifest()
    world.result("test.world.cart", "fail")
    world.result("test.world.away", "fail")
    world.consent("a")
    world.members(
        [("a", "cart", "newsletter", "a@example.com"), ("a", "vip", "newsletter", "a@example.com")]
    )
    result = world.run("members")
    assert result.status == "refused"
    assert set(channel.held) == {"vip/a"}


def test_a_relation_that_is_not_its_contract_is_refused(world: World, channel: Recorder) -> None:
    world.declare()
    world.contacts(people(2))
    assert refused(world) == []
    world.sql("alter table activation.sync_contacts add column salary bigint")
    (verdict,) = world.plan().refusals
    assert verdict.name == "schema_drift" and "salary" in verdict.reason
    result = world.run(overrides=["schema_drift"])
    assert result.status == "done" and "salary" not in channel.held["p0"]
    world.sql("alter table activation.sync_contacts drop column score")
    assert "lacks score" in world.plan().refusals[0].reason


def test_duplicate_keys_are_refused_and_never_sent(world: World, channel: Recorder) -> None:
    world.declare()
    world.contacts(people(3))
    assert refused(world) == []
    world.contacts([*people(3), ("p1", "second@example.com", "Other", 1)])
    result = world.run()
    assert result.status == "refused" and channel.held == {}
    result = world.run(overrides=["duplicate_keys"])
    assert result.status == "done" and set(channel.held) == {"p0", "p2"}
    assert dict(result.held_reasons) == {"duplicate key": 2}


@pytest.mark.parametrize("key", [None, "", "  "])
def test_empty_keys_are_refused_and_never_sent(
    world: World, channel: Recorder, key: str | None
) -> None:
    world.declare(key=["name"])
    world.contacts(people(2))
    assert refused(world) == []
    world.contacts([*people(2), ("p2", "person2@example.com", key, 1)])
    assert refused(world) == ["empty_keys"]
    assert world.run(overrides=["empty_keys"]).acknowledged == 2


def test_an_override_of_no_guard_is_a_mistake(world: World, channel: Recorder) -> None:
    world.declare()
    world.contacts(people(2))
    with pytest.raises(SeamlineError, match=r"no guard 'zero_row'; known: .*zero_rows"):
        world.run(overrides=["zero_row"])
    assert channel.held == {}


def test_a_key_of_several_columns_needs_them_all(world: World) -> None:
    world.declare(key=["person_id", "name"])
    world.contacts([*people(2), ("p2", "person2@example.com", " ", 1)])
    assert refused(world) == ["empty_keys"]


@pytest.mark.parametrize("why", ["denied", "suppressed"])
def test_what_is_owed_to_somebody_passes_every_guard(
    world: World, channel: Recorder, why: str
) -> None:
    limits = {"stale_after_hours": 24, "max_removed_count": 0, "max_removed_fraction": 0.0}
    world.declare("members", "audience", purpose="newsletter", guards=limits)
    everybody = [f"p{number}" for number in range(12)]
    world.consent(*everybody)
    rows = [(p, "cart", "newsletter", f"{p}@example.com") for p in everybody]
    world.members(rows)
    world.run("members")
    world.sql(
        "update raw_shop.customer set _loaded_at = timestamp '2026-10-01'",
        "alter table activation.sync_members add column salary bigint",
    )
    world.result("test.world.unique_sync_members", "fail")
    if why == "denied":
        world.consent(*everybody[:11], state="denied")
    else:
        for person in everybody[:11]:
            world.sql(
                f"insert into marts.suppressions values ('s', '{person}', 'email', null, 'email', "
                "'erasure', 'email', timestamp '2026-10-31')"
            )
    result = world.run("members")
    assert (result.status, result.removed) == ("refused", 11)
    assert set(channel.held) == {"cart/p11"}
    refusing = {verdict.name for verdict in result.guards if not verdict.passed}
    assert refusing == {"stale_source", "schema_drift", "failed_tests"}
