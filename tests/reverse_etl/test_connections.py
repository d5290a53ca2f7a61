"""Several accounts of one vendor: each connection has its own address, secrets and audiences."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from reverse_etl.channel.connection import ConnectionRefused
from tests.reverse_etl.loopback import Asked, Told, loopback
from tests.reverse_etl.world import MEMBER_COLUMNS, World

COLUMNS = {"person_id": "string", "email": "string", "firstname": "string"}


@dataclass
class Account:
    """One account of a CRM, which lets in whoever has its token."""

    token: str
    contacts: dict[str, str] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Told:
        if asked.headers["authorization"] != f"Bearer {self.token}":
            return Told(401, {"category": "INVALID_AUTHENTICATION", "message": "not ours"})
        assert asked.path == "/crm/v3/objects/contacts/batch/upsert"
        results = []
        for each in asked.json["inputs"]:
            number = self.contacts.setdefault(each["id"], f"{self.token}{len(self.contacts)}")
            results.append({"id": number, "objectWriteTraceId": each["objectWriteTraceId"]})
        return Told(200, {"status": "COMPLETE", "results": results})


def test_two_hubspot_accounts_are_two_connections(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = {"hubspot": Account("main"), "hubspot_eu": Account("eu")}
    syncs = {"contacts": ["ada", "ben"], "contacts_eu": ["cem"]}
    with ExitStack() as stack:
        for (name, account), (sync, people) in zip(accounts.items(), syncs.items(), strict=True):
            server = stack.enter_context(loopback(account.answer))
            monkeypatch.setenv(f"{name.upper()}_URL", server.url)
            monkeypatch.setenv(f"{name.upper()}_TOKEN", account.token)
            world.declare(sync, columns=COLUMNS, destination="hubspot", object="contacts",
                          connection=None if name == "hubspot" else name)  # fmt: skip
            rows = [(person, f"{person}@example.com", person.title()) for person in people]
            world.rows(
                f"activation.sync_{sync}", rows, "person_id text, email text, firstname text"
            )
        for sync, people in syncs.items():
            assert world.run(sync).acknowledged == len(people)
        monkeypatch.setenv("HUBSPOT_EU_TOKEN", "main")  # good, but another account's
        world.rows("activation.sync_contacts_eu", [("dan", "dan@example.com", "Dan")],
                   "person_id text, email text, firstname text")  # fmt: skip
        refused = world.run("contacts_eu", overrides=["removed_fraction"])
        assert refused.status == "failed" and "HUBSPOT_EU_TOKEN" in str(refused.error)
    assert {name: sorted(account.contacts) for name, account in accounts.items()} == {
        "hubspot": ["ada@example.com", "ben@example.com"],
        "hubspot_eu": ["cem@example.com"],
    }
    held = world.ledger("select sync, key, channel_id from sync_snapshot order by 1, 2")
    assert held == [
        ("contacts", "ada", "main0"),
        ("contacts", "ben", "main1"),
        ("contacts_eu", "cem", "eu0"),
    ]


def test_one_meta_business_fills_three_ad_accounts(
    world: World, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {name: kind for name, kind in MEMBER_COLUMNS.items() if name != "city"}
    names = ("meta", "meta_shop", "meta_app")
    for number, name in enumerate(names):
        monkeypatch.setenv(f"{name.upper()}_URL", f"{sandbox.url}/meta")
        monkeypatch.setenv(f"{name.upper()}_TOKEN", "the business's")
        monkeypatch.setenv(f"{name.upper()}_AD_ACCOUNT", f"90{number}")
        world.declare(name, "audience", columns, destination="meta",
                      object="custom_audience_members", connection=name)  # fmt: skip
        rows = [(f"p{n}", "vips", "Best customers", "service", f"p{n}@example.com")
                for n in range(number + 1)]  # fmt: skip
        world.rows(f"activation.sync_{name}", rows, ", ".join(f"{c} text" for c in columns))
        assert world.run(name).added == number + 1
    assert {name: each["size"] for name, each in sandbox.state("meta")["audiences"].items()} == {
        "Best customers, 900": 1,
        "Best customers, 901": 2,
        "Best customers, 902": 3,
    }
    assert [world.run(name).requests for name in names] == [0, 0, 0]


def test_a_live_connection_lacks_its_own_secret_although_its_vendor_has_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("eu", columns=COLUMNS, destination="hubspot", object="contacts",
                  connection="hubspot_eu")  # fmt: skip
    project = world.folder / "dbt_project" / "dbt_project.yml"
    project.write_text("vars: {live_targets: [production]}\n")
    monkeypatch.setenv("SEAMLINE_TARGET", "production")
    monkeypatch.setenv("HUBSPOT_TOKEN", "main")
    loaded = world.project()
    with pytest.raises(ConnectionRefused, match="HUBSPOT_EU_TOKEN is not set"):
        loaded.connection(loaded.sync("eu"))
