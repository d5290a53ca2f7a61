"""When people turn out to be one, or two, the channel follows and no address is left an orphan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.test_first_contact import declare_list, members
from tests.reverse_etl.test_options import KLAVIYO, contacts, declare, fill, rows
from tests.reverse_etl.world import MEMBER_COLUMNS, World

Member = tuple[str, str]


def merged(world: World, loser: str, survivor: str, sequence: int = 2) -> None:
    """Record that a person was merged into another, as the identity graph does."""
    world.sql(
        "create table if not exists marts.identity_changes (change_id text, change text, "
        "person_id text, from_person_id text, to_person_id text, sequence bigint)",
        f"insert into marts.identity_changes values ('{loser}/{sequence}', 'merged', '{loser}', "
        f"'{loser}', '{survivor}', {sequence})",
    )


def listed(world: World, *people: Member) -> None:
    columns = [name for name in MEMBER_COLUMNS if name != "city"]
    table = [(key, "cart", "Cart left", "newsletter", email) for key, email in people]
    world.rows("activation.sync_lists", table, ", ".join(f"{name} text" for name in columns))


@pytest.mark.parametrize("address", ["ada@example.com", "ben@example.com"], ids=["own", "other"])
def test_two_contacts_become_one(anywhere: World, sandbox: Any, address: str) -> None:
    world = anywhere
    declare(world)
    fill(world, rows("ada", "ben", "cem"))
    world.run("people")
    ids = {row[0]: row[1] for row in world.ledger("select key, channel_id from sync_snapshot")}
    merged(world, "ben", "ada")
    fill(world, [("ada", address, "Ada", "Oslo"), *rows("cem")])
    plan = world.plan("people")
    assert (plan.merged, plan.changed, plan.removed) == (1, 1, 0)
    result = world.run("people")
    assert (result.status, result.merged, result.changed) == ("done", 1, 1)
    state = sandbox.state("hubspot")["contacts"]
    assert set(state) == {ids["ada"], ids["cem"]}
    assert state[ids["ada"]]["properties"]["email"] == address
    assert state[ids["ada"]]["properties"]["city"] == "Oslo"
    assert world.ledger("select key, channel_id from sync_snapshot order by 1") == [
        ("ada", ids["ada"]),
        ("cem", ids["cem"]),
    ]
    again = world.run("people")
    assert (again.requests, again.merged) == (0, 0)


def test_a_merge_that_was_made_before_is_made(world: World, sandbox: Any) -> None:
    declare(world)
    fill(world, rows("ada", "ben"))
    world.run("people")
    merged(world, "ben", "ada")
    fill(world, rows("ada"))
    sandbox.fail("hubspot", "error_after", path="/merge")
    result = world.run("people")
    assert (result.status, result.merged, result.acknowledged) == ("done", 1, 1)
    assert set(contacts(sandbox)) == {"ada@example.com"}


def test_a_mass_merge_is_guarded_like_a_mass_removal(world: World, sandbox: Any) -> None:
    declare(world)
    names = [f"p{number}" for number in range(20)]
    fill(world, rows(*names))
    world.run("people")
    for name in names[1:]:
        merged(world, name, "p0")
    fill(world, rows("p0"))
    result = world.run("people")
    assert (result.status, result.merged) == ("refused", 0)
    assert len(contacts(sandbox)) == 20
    assert world.run("people", overrides=["removed_fraction"]).merged == 19
    assert set(contacts(sandbox)) == {"p0@example.com"}


def test_the_record_of_one_who_was_merged_away_becomes_the_other_s(
    world: World, sandbox: Any
) -> None:
    declare(world)
    fill(world, rows("ben"))
    world.run("people")
    merged(world, "ben", "ada")
    fill(world, rows("ada"))
    result = world.run("people")
    assert (result.merged, result.added, result.changed) == (0, 0, 1)
    (contact,) = sandbox.state("hubspot")["contacts"].values()
    assert contact["properties"]["email"] == "ada@example.com"


def test_a_receiver_that_cannot_merge_is_told_to_remove(world: World, channel: Recorder) -> None:
    world.channel.objects[0].__dict__["match"] = ()
    world.declare(match=None)
    world.contacts([("ada", "a@example.com", "A", 1), ("ben", "b@example.com", "B", 1)])
    world.run()
    merged(world, "ben", "ada")
    world.contacts([("ada", "a@example.com", "A", 1)])
    result = world.run()
    assert (result.status, result.removed) == ("done", 1)
    assert set(channel.held) == {"ada"}
    assert world.run().requests == 0


@pytest.mark.parametrize("address", ["ada@example.com", "ben@example.com"], ids=["own", "other"])
def test_a_list_keeps_one_address_of_two_people_who_are_one(
    anywhere: World, sandbox: Any, address: str
) -> None:
    world = anywhere
    declare_list(world, "ada", "ben", "cem")
    world.run("lists")
    merged(world, "ben", "ada")
    listed(world, ("ada", address), ("cem", "cem@example.com"))
    assert world.run("lists").status == "done"
    assert members(sandbox, "Cart left") == {address, "cem@example.com"}
    assert world.run("lists").requests == 0


def test_a_new_key_for_the_same_address_sends_nothing(anywhere: World, sandbox: Any) -> None:
    world = anywhere
    declare_list(world, "ada", "ben")
    world.run("lists")
    declare(world)
    fill(world, rows("ada"))
    world.run("people")
    listed(world, ("cem", "ada@example.com"), ("ben", "ben@example.com"))
    fill(world, [("new", "ada@example.com", "Ada", "Berlin")])
    for name in ("lists", "people"):
        result = world.run(name)
        assert (result.status, result.requests) == ("done", 0)
    assert world.ledger("select sync, key from sync_snapshot order by 1, 2") == [
        ("lists", "ben"),
        ("lists", "cem"),
        ("people", "new"),
    ]


@pytest.mark.parametrize("swapped", [False, True], ids=["split", "swap"])
def test_an_address_goes_with_the_one_who_has_it(
    anywhere: World, sandbox: Any, swapped: bool
) -> None:
    world = anywhere
    first = [("ada", "shared@example.com"), *([("eva", "own@example.com")] if swapped else [])]
    then = [("ada", "own@example.com"), ("eva", "shared@example.com")]
    declare_list(world)
    listed(world, *first)
    declare(world)
    world.declare("profiles", destination="klaviyo", object="profiles", columns=KLAVIYO)
    types = ", ".join(f"{name} text" for name in KLAVIYO)
    for table in (first, then):
        listed(world, *table)
        fill(world, [(key, email, key.title(), "Berlin") for key, email in table])
        profiles = [(key, email, key.title(), None) for key, email in table]
        world.rows("activation.sync_profiles", profiles, types)
        for name in ("lists", "people", "profiles"):
            assert world.run(name).status == "done"
    assert members(sandbox, "Cart left") == {"own@example.com", "shared@example.com"}
    owners = {email: contact["firstname"] for email, contact in contacts(sandbox).items()}
    assert owners == {"own@example.com": "Ada", "shared@example.com": "Eva"}
    found = [item["attributes"] for item in sandbox.state("klaviyo")["profiles"].values()]
    assert {item["email"]: item["first_name"] for item in found} == owners
    assert world.run("people").requests == 0
