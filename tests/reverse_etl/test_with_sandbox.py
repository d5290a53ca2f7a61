"""Every channel that comes with Seamline, from a relation to the sandbox, by the one story."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reverse_etl.world import MEMBER_COLUMNS, World

CONTACTS = {"person_id": "string", "email": "string", "firstname": "string"}
KLAVIYO = MEMBER_COLUMNS | {"phone_number": "string", "properties": "string"}
KLAVIYO.pop("city")
META = MEMBER_COLUMNS | {"phone": "string", "external_id": "string"}
DEALS = {"deal_id": "string", "amount": "numeric(18,4)"}


def texts(columns: Any) -> str:
    return ", ".join(f"{name} text" for name in columns)


@pytest.fixture
def everywhere(world: World, sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    world.declare("hubspot_contacts", destination="hubspot", object="contacts", columns=CONTACTS)
    world.declare(
        "klaviyo_members",
        "audience",
        destination="klaviyo",
        object="list_members",
        columns=KLAVIYO,
        purpose="newsletter",
        match=None,
    )
    world.declare(
        "meta_members",
        "audience",
        destination="meta",
        object="custom_audience_members",
        columns=META,
        purpose="ads",
        match=None,
    )
    world.declare(
        "webhook_orders",
        "append",
        destination="webhook",
        object="records",
        columns=CONTACTS,
        purpose="orders",
        match=None,
    )
    world.declare(
        "files_deals",
        "mirror",
        destination="files",
        object="csv",
        columns=DEALS,
        key=["deal_id"],
        purpose="deals",
        match=None,
    )
    fill(world, 5)
    return world


def fill(world: World, count: int) -> None:
    numbers = range(count)
    email = "person{0}@example.com".format
    for name in ("hubspot_contacts", "webhook_orders"):
        rows: list[Any] = [(f"p{n}", email(n), f"First{n}") for n in numbers]
        world.rows(f"activation.sync_{name}", rows, texts(CONTACTS))
    both = (("newsletter", "klaviyo_members", KLAVIYO), ("ads", "meta_members", META))
    for purpose, name, columns in both:
        world.consent(*(f"p{n}" for n in numbers), purpose=purpose)
        rows = [(f"p{n}", "cart", "Cart left", purpose, email(n), *("x", None)) for n in numbers]
        kept = [
            tuple(
                {
                    "person_id": row[0],
                    "audience": row[1],
                    "audience_label": row[2],
                    "purpose": row[3],
                    "email": row[4],
                    "city": "Berlin",
                    "external_id": row[0],
                    "properties": '{"cart_value": 12.5}',
                }.get(column)
                for column in columns
            )
            for row in rows
        ]
        world.rows(f"activation.sync_{name}", kept, texts(columns))
    deals = [(f"d{n}", f"{n}.5") for n in numbers]
    world.rows("activation.sync_files_deals", deals, "deal_id text, amount numeric(18,4)")


def test_every_channel_fills_then_rests_then_follows(everywhere: World, sandbox: Any) -> None:
    names = list(everywhere.project().syncs)
    assert len(names) == 5
    first = {name: everywhere.run(name) for name in names}
    assert {name: (r.status, r.acknowledged) for name, r in first.items()} == {
        name: ("done", 5) for name in names
    }
    second = {name: everywhere.run(name) for name in names}
    assert {r.requests for r in second.values()} == {0}
    fill(everywhere, 4)
    third = {name: everywhere.run(name) for name in names}
    assert {name: r.removed for name, r in third.items()} == {
        "hubspot_contacts": 0,
        "klaviyo_members": 1,
        "meta_members": 1,
        "webhook_orders": 0,
        "files_deals": 1,
    }
    assert {r.status for r in third.values()} == {"done"}
    folder = everywhere.home / "outbox" / "files_deals"
    assert len((folder / "files_deals.csv").read_text().splitlines()) == 5


def test_no_channel_is_told_an_address_it_should_only_know_hashed(
    everywhere: World, sandbox: Any
) -> None:
    everywhere.run("meta_members")
    assert "example.com" not in str(sandbox.state("meta"))
