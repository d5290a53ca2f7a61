"""No author of a sync can forget to ask: the planner does."""

from __future__ import annotations

import hashlib

import pytest

from reverse_etl.errors import SeamlineError
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people


def audience(world: World, count: int = 4, purpose: str = "newsletter") -> None:
    world.members([(f"p{n}", "cart", purpose, f"person{n}@example.com") for n in range(count)])


def suppress(world: World, person: str | None, email: str | None = None) -> None:
    hashed = f"'{hashlib.sha256(email.encode()).hexdigest()}'" if email else "null"
    named = f"'{person}'" if person else "null"
    world.sql(
        f"insert into marts.suppressions values ('s', {named}, 'email', {hashed}, 'email', "
        "'unsubscribed', 'email', timestamp '2026-10-31')"
    )


def test_nobody_is_added_without_consent_on_record(world: World, channel: Recorder) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0")
    world.consent("p1", state="denied")
    audience(world)
    result = world.run("members")
    assert set(channel.held) == {"cart/p0"}
    assert dict(result.held_reasons) == {"no consent on record": 2, "consent denied": 1}


def test_the_rows_own_purpose_must_be_permitted_too(world: World, channel: Recorder) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0", "p1")
    world.consent("p0", purpose="ads")
    audience(world, 2, purpose="ads")
    world.run("members")
    assert set(channel.held) == {"cart/p0"}


def test_a_row_whose_purpose_nobody_declared_is_held_back(world: World, channel: Recorder) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0")
    audience(world, 1, purpose="whatever")
    assert dict(world.run("members").held_reasons) == {"purpose unknown": 1}
    assert channel.held == {}


def test_withdrawn_consent_is_a_removal_in_the_next_sync(world: World, channel: Recorder) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0", "p1", "p2", "p3")
    audience(world)
    world.run("members")
    world.consent("p2", state="denied")
    result = world.run("members")
    assert (result.status, result.removed) == ("done", 1)
    assert "cart/p2" not in channel.held
    log = world.ledger(
        "select key, operation, permission, status from sync_changelog where operation = 'remove'"
    )
    assert log == [("p2", "remove", "consent denied", "acknowledged")]


def test_withdrawal_is_honoured_although_a_guard_refuses_the_rest(
    world: World, channel: Recorder
) -> None:
    world.declare("members", "audience", purpose="newsletter", guards={"stale_after_hours": 24})
    world.consent("p0", "p1", "p2", "p3")
    audience(world, 3)
    world.run("members")
    world.sql("update raw_shop.customer set _loaded_at = timestamp '2026-10-01'")
    world.consent("p2", state="denied")
    audience(world, 4)
    result = world.run("members")
    assert (result.status, result.added, result.removed) == ("refused", 0, 1)
    assert set(channel.held) == {"cart/p0", "cart/p1"}


@pytest.mark.parametrize("broken", ["drop", "empty", "column"])
def test_withdrawal_is_honoured_even_if_the_relation_is_broken(
    world: World, channel: Recorder, broken: str
) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0", "p1")
    audience(world, 2)
    world.run("members")
    world.consent("p1", state="denied")
    world.sql(
        {
            "drop": "drop table activation.sync_members",
            "empty": "delete from activation.sync_members",
            "column": "alter table activation.sync_members drop column person_id",
        }[broken]
    )
    result = world.run("members")
    assert (result.status, result.removed) == ("refused", 1)
    assert set(channel.held) == {"cart/p0"}


def test_everybody_withdrawing_is_no_mass_removal_but_everybody_vanishing_is(
    world: World, channel: Recorder
) -> None:
    world.declare("members", "audience", purpose="newsletter")
    everybody = [f"p{number}" for number in range(20)]
    world.consent(*everybody)
    audience(world, 20)
    world.run("members")
    world.sql("create table kept as select * from marts.current_consents")
    world.sql("delete from marts.current_consents")
    vanished = world.run("members")
    assert (vanished.status, vanished.removed) == ("refused", 0)
    world.sql("insert into marts.current_consents select * from kept")
    world.sql("update marts.current_consents set state = 'denied'")
    withdrawn = world.run("members")
    assert (withdrawn.status, withdrawn.removed) == ("done", 20)
    assert channel.held == {}


@pytest.mark.parametrize(
    "who", [("p1", None), (None, "person1@example.com")], ids=["person", "hash"]
)
def test_a_suppressed_person_is_removed_and_stays_away(
    world: World, channel: Recorder, who: tuple[str | None, str | None]
) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0", "p1")
    audience(world, 2)
    world.run("members")
    suppress(world, *who)
    assert world.run("members").removed == 1
    again = world.run("members")
    assert (again.status, again.requests) == ("done", 0)
    assert dict(again.held_reasons) == {"suppressed": 1}
    assert set(channel.held) == {"cart/p0"}


def test_a_suppressed_address_is_known_after_it_has_left_the_relation(
    world: World, channel: Recorder
) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0", "p1")
    audience(world, 2)
    world.run("members")
    suppress(world, None, "person1@example.com")
    world.members([])
    result = world.run("members")
    assert (result.status, result.removed) == ("refused", 1)
    assert set(channel.held) == {"cart/p0"}


def test_an_objection_stops_an_upsert_without_removing(world: World, channel: Recorder) -> None:
    world.declare("contacts", "upsert", purpose="service")
    world.contacts(people(2))
    world.run()
    world.consent("p1", purpose="service", state="denied")
    world.contacts([("p0", "a@example.com", "A", 0), ("p1", "b@example.com", "B", 0)])
    result = world.run()
    assert (result.changed, result.removed, result.held_back) == (1, 0, 1)
    assert channel.held["p1"]["name"] == "Person 1"


def test_a_contract_needs_no_consent_but_a_known_person(world: World, channel: Recorder) -> None:
    world.declare("events", "append", purpose="orders", key=["email"])
    world.consent("p1", purpose="orders", state="denied")
    world.contacts([*people(2), (None, "nobody@example.com", "N", 0)], "events")
    result = world.run("events")
    assert result.appended == 2
    assert dict(result.held_reasons) == {"person unknown": 1}


def test_a_purpose_about_no_person_asks_nobody(world: World, channel: Recorder) -> None:
    columns = {"deal_id": "string", "email": "string"}
    world.declare("deals", "mirror", columns=columns, key=["deal_id"], purpose="deals")
    world.rows("activation.sync_deals", [("d1", "a@example.com")], "deal_id text, email text")
    world.sql("drop table marts.current_consents", "drop table marts.suppressions")
    assert world.run("deals").acknowledged == 1


def test_what_cannot_be_decided_is_not_sent(world: World, channel: Recorder) -> None:
    world.declare("members", "audience", purpose="newsletter")
    world.consent("p0")
    audience(world, 1)
    world.sql("drop table marts.suppressions")
    with pytest.raises(SeamlineError, match=r"marts\.suppressions does not exist.*newsletter"):
        world.run("members")
    assert channel.times == []
