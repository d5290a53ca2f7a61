"""The plug-in for BottleCRM behind the engine, against the real server: ``make test-real-crm``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reverse_etl.channel.registry import destination_names, find_destination
from tests.postgres.server import PostgresServer
from tests.reverse_etl.real.crm_server import Crm, crm_server
from tests.reverse_etl.world import World

ENVIRONMENT = os.environ.get("SEAMLINE_TEST_CRM", "")
pytestmark = pytest.mark.skipif(not ENVIRONMENT, reason="a real CRM: make test-real-crm")

COLUMNS = {
    "person_id": "string",
    "email": "string",
    "first_name": "string",
    "last_name": "string",
}
MEMBER = ("person_id", "audience", "audience_label", "purpose", "email")
Row = tuple[str, str, str, str | None]
ADA: Row = ("p1", "ada@example.com", "Ada", "Example")
BEN: Row = ("p2", "ben@example.com", "Ben", "Sample")
CLEO: Row = ("p3", "cleo@example.com", "Cleo", "Specimen")
GUARDS = ["removed_fraction", "zero_rows"]


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Crm]:
    with crm_server(Path(ENVIRONMENT), tmp_path_factory.mktemp("crm"), postgres) as running:
        yield running


@pytest.fixture
def installed(world: World, crm: Crm, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with the plug-in's package where Python finds it."""
    assert "bottlecrm" not in destination_names()
    monkeypatch.syspath_prepend(str(Path(ENVIRONMENT, "plugin").resolve()))
    assert find_destination("bottlecrm").label == "BottleCRM"
    monkeypatch.setenv("BOTTLECRM_URL", crm.url)
    monkeypatch.setenv("BOTTLECRM_TOKEN", crm.token)
    return world


def fill(world: World, rows: Sequence[Row]) -> None:
    types = ", ".join(f"{column} text" for column in COLUMNS)
    world.rows("activation.sync_contacts", rows, types)


def test_contacts_come_change_and_go_and_nobody_elses_do(installed: World, crm: Crm) -> None:
    world = installed
    world.declare("contacts", "mirror", COLUMNS, destination="bottlecrm", object="contacts")
    for email in ("xada@example.com", "kept@example.com"):  # the server finds by part of an address
        contact = {"email": email, "first_name": "By", "last_name": "Hand"}
        crm.ask("POST", "/api/contacts/", json=contact)
    fill(world, [ADA, BEN, CLEO, ("p4", "dan@example.com", "Dan", None)])
    first = world.run()
    assert (first.acknowledged, first.rejected) == (3, 1)
    ((code, reason),) = world.ledger("select code, reason from sync_rejected")
    assert code == "last_name_invalid" and "blank" in reason
    held = crm.contacts()
    assert set(held) == {row[1] for row in (ADA, BEN, CLEO)} | {
        "xada@example.com",
        "kept@example.com",
    }
    moved = ("p1", "ada.new@example.com", "Ada", "Specimen")
    fill(world, [moved, BEN])
    changed = world.run(overrides=GUARDS)
    assert (changed.changed, changed.removed, changed.acknowledged) == (1, 1, 2)
    now = crm.contacts()
    assert now["ada.new@example.com"]["id"] == held["ada@example.com"]["id"]
    assert now["ada.new@example.com"]["last_name"] == "Specimen"
    others = {"xada@example.com", "kept@example.com"}
    assert set(now) == {"ada.new@example.com", "ben@example.com"} | others
    assert world.run(overrides=GUARDS).requests == 0
    fill(world, [])
    assert world.run(overrides=GUARDS).removed == 2
    assert set(crm.contacts()) == others


def test_an_audience_is_a_tag_and_leaving_it_keeps_the_contact(installed: World, crm: Crm) -> None:
    world = installed
    columns = dict.fromkeys((*MEMBER, "first_name", "last_name"), "string")
    world.declare("members", "audience", columns, destination="bottlecrm", object="tag_members")

    def members(*people: Row) -> None:
        rows = [(person, "vips", "VIPs", "service", *rest) for person, *rest in people]
        world.rows("activation.sync_members", rows, ", ".join(f"{each} text" for each in columns))

    other = crm.ask("POST", "/api/tags/", json={"name": "Made by hand"})["tag"]["id"]
    contact = {"email": ADA[1], "first_name": "Ada", "last_name": "Example", "tags": [other]}
    crm.ask("POST", "/api/contacts/", json=contact)
    members(ADA, BEN)
    assert world.run("members").acknowledged == 2
    assert crm.tagged("VIPs") == {ADA[1], BEN[1]}
    members(ADA)
    assert world.run("members", overrides=GUARDS).removed == 1
    assert crm.tagged("VIPs") == {ADA[1]} and BEN[1] in crm.contacts()
    assert crm.tagged("Made by hand") == {ADA[1]}
    assert world.run("members").requests == 0
    members()
    assert world.run("members", overrides=GUARDS).removed == 1
    assert crm.tagged("VIPs") == set()
    assert crm.tagged("Made by hand") == {ADA[1]}
