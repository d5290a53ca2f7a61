"""Ghost behind the whole engine, against the real server: ``make test-real-newsletter``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.channel.connection import Connection
from reverse_etl.delivery.http import Client, Patience
from reverse_etl.delivery.limiter import Limiter
from reverse_etl.delivery.transcript import Forgetful
from reverse_etl.delivery.understanding import ChannelDenied
from reverse_etl.destinations.ghost import destination
from reverse_etl.readback.reconcile import reconcile_sync
from tests.reverse_etl.real.ghost_server import Site, ghost_server
from tests.reverse_etl.world import World

PACKAGE = os.environ.get("SEAMLINE_TEST_GHOST", "")
pytestmark = pytest.mark.skipif(not PACKAGE, reason="a real Ghost: make test-real-newsletter")

COLUMNS = {"person_id": "string", "email": "string", "name": "string"}
GUARDS = ["removed_fraction", "zero_rows"]
MEMBER = ("person_id", "audience", "audience_label", "purpose", "email")
Row = tuple[str, str, str | None]
ADA: Row = ("p1", "ada@example.com", "Ada Example")
BEN: Row = ("p2", "ben@example.com", "Ben O'Sample")
CLEO: Row = ("p3", "cleo@example.com", None)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ghost_server(Path(PACKAGE).resolve(), tmp_path_factory.mktemp("ghost")) as running:
        yield running


@pytest.fixture
def connected(world: World, site: Site, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("GHOST_URL", site.url)
    monkeypatch.setenv("GHOST_KEY", site.key)
    return world


def by_hand(site: Site, email: str, **fields: Any) -> None:
    site.ask("POST", "/members/", json={"members": [{"email": email, **fields}]})


def fill(world: World, rows: Sequence[Row]) -> None:
    types = ", ".join(f"{column} text" for column in COLUMNS)
    world.rows("activation.sync_contacts", rows, types)


def test_members_come_change_and_go_and_keep_what_they_receive(
    connected: World, site: Site
) -> None:
    world = connected
    world.declare("contacts", "mirror", COLUMNS, destination="ghost", object="members")
    by_hand(site, "xada@example.com")
    by_hand(site, "Cleo@example.com", name="Reader", labels=[{"name": "By hand"}])
    before = site.members()
    letters = before["Cleo@example.com"]["newsletters"]
    assert letters, "the site subscribes whom it makes itself"
    fill(world, [ADA, BEN, CLEO, ("p4", "broken", "No address")])
    first = world.run()
    assert (first.acknowledged, first.rejected) == (3, 1)
    ((code, reason),) = world.ledger("select code, reason from sync_rejected")
    assert code == "ValidationError" and reason.startswith("Ghost does not take a value")
    held = site.members()
    # Ghost tells addresses apart by case; the reader who was there is found, not made again.
    assert set(held) == {ADA[1], BEN[1], CLEO[1], "xada@example.com"}
    assert held[CLEO[1]]["id"] == before["Cleo@example.com"]["id"]
    assert held[CLEO[1]]["newsletters"] == letters
    assert held[CLEO[1]]["labels"] == {"By hand"}
    assert held[ADA[1]]["newsletters"] == set()
    fill(world, [("p1", "ada.new@example.com", "Ada Specimen"), BEN])
    changed = world.run(overrides=GUARDS)
    assert (changed.changed, changed.removed, changed.acknowledged) == (1, 1, 2)
    now = site.members()
    assert now["ada.new@example.com"]["id"] == held[ADA[1]]["id"]
    assert now["ada.new@example.com"]["name"] == "Ada Specimen"
    assert set(now) == {"ada.new@example.com", BEN[1], "xada@example.com"}
    assert world.run(overrides=GUARDS).requests == 0
    site.ask("DELETE", f"/members/{now[BEN[1]]['id']}/")
    assert reconcile_sync(world.project(), "contacts").missing == 1
    assert world.run(overrides=GUARDS).added == 1
    fill(world, [])
    assert world.run(overrides=GUARDS).removed == 2
    assert set(site.members()) == {"xada@example.com"}


def test_an_audience_is_a_label_and_leaving_it_keeps_member_and_subscription(
    connected: World, site: Site
) -> None:
    world = connected
    columns = dict.fromkeys((*MEMBER, "name"), "string")
    world.declare("members", "audience", columns, destination="ghost", object="label_members")

    def members(*people: Row) -> None:
        rows = [(p, "vips", "The club's VIPs", "service", email, name) for p, email, name in people]
        world.rows("activation.sync_members", rows, ", ".join(f"{each} text" for each in columns))

    def labelled() -> set[str]:
        return {e for e, member in site.members().items() if "The club's VIPs" in member["labels"]}

    by_hand(site, ADA[1], labels=[{"name": "Other"}])
    letters = site.members()[ADA[1]]["newsletters"]
    members(ADA, BEN)
    assert world.run("members").acknowledged == 2
    assert labelled() == {ADA[1], BEN[1]}
    members(BEN)
    assert world.run("members", overrides=GUARDS).removed == 1
    assert labelled() == {BEN[1]}
    assert site.members()[ADA[1]]["labels"] == {"Other"}
    assert site.members()[ADA[1]]["newsletters"] == letters != set()
    assert world.run("members").requests == 0
    members()
    assert world.run("members", overrides=GUARDS).removed == 1
    assert labelled() == set() and BEN[1] in site.members()


@pytest.mark.parametrize("wrong", ["another secret", "another id"])
def test_a_wrong_key_is_known_for_one(connected: World, site: Site, wrong: str) -> None:
    number, _, secret = site.key.partition(":")
    key = f"{number}:{'0' * len(secret)}" if wrong == "another secret" else f"{'0' * 24}:{secret}"
    connection = Connection("ghost", site.url, {"KEY": key})
    client = Client(destination, connection, Limiter(0), Patience(attempts=1))
    probe = destination.objects[0].probe
    assert probe is not None
    with pytest.raises(ChannelDenied) as denied:
        client.send(probe.request, Forgetful())
    assert denied.value.meaning.sense == "unknown"
    assert "check GHOST_KEY" in str(denied.value)
