"""What a sync may do to records that are, or are not, at the channel already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import requests

from reverse_etl.contract.project import SyncError
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.world import World

COLUMNS = {"person_id": "string", "email": "string", "firstname": "string", "city": "string"}
KLAVIYO = {"person_id": "string", "email": "string", "first_name": "string", "title": "string"}


def declare(world: World, **sync: Any) -> None:
    settings = {"destination": "hubspot", "object": "contacts", "columns": COLUMNS}
    world.declare("people", **(settings | sync))


def fill(world: World, rows: Sequence[Sequence[str | None]]) -> None:
    columns = world.nodes["model.world.sync_people"]["columns"]
    world.rows("activation.sync_people", rows, ", ".join(f"{name} text" for name in columns))


def by_hand(sandbox: Sandbox, email: str, **properties: str) -> None:
    """Write a contact as somebody at HubSpot would."""
    item = {"id": email, "idProperty": "email", "properties": {"email": email, **properties}}
    url = f"{sandbox.url}/hubspot/crm/v3/objects/contacts/batch/upsert"
    headers = {"Authorization": "Bearer somebody"}
    assert requests.post(url, json={"inputs": [item]}, headers=headers, timeout=10).ok


def contacts(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    """HubSpot's contacts by address."""
    found = [contact["properties"] for contact in sandbox.state("hubspot")["contacts"].values()]
    return {contact["email"]: contact for contact in found}


def rows(*names: str, city: str = "Berlin") -> list[tuple[str, str, str, str]]:
    return [(name, f"{name}@example.com", name.title(), city) for name in names]


def test_update_only_never_creates(world: World, sandbox: Any) -> None:
    by_hand(sandbox, "ada@example.com", firstname="A.", jobtitle="Buyer")
    declare(world, update_only=True)
    fill(world, rows("ada", "ben"))
    first = world.run("people")
    assert (first.status, first.acknowledged, first.skipped) == ("done", 1, 1)
    assert contacts(sandbox) == {
        "ada@example.com": {
            "email": "ada@example.com",
            "firstname": "Ada",
            "city": "Berlin",
            "jobtitle": "Buyer",
        }
    }
    log = world.ledger("select key, status, code from sync_changelog order by key")
    assert log == [("ada", "acknowledged", ""), ("ben", "skipped", "absent")]
    by_hand(sandbox, "ben@example.com")
    second = world.run("people")
    assert (second.added, second.acknowledged, second.skipped) == (1, 1, 0)
    assert contacts(sandbox)["ben@example.com"]["firstname"] == "Ben"


def test_create_only_never_touches_what_is_there(world: World, sandbox: Any) -> None:
    by_hand(sandbox, "ada@example.com", firstname="A.")
    declare(world, create_only=True)
    fill(world, rows("ada", "ben"))
    first = world.run("people")
    assert (first.status, first.acknowledged, first.skipped) == ("done", 1, 1)
    assert world.ledger("select key, is_ours from sync_snapshot order by key") == [
        ("ada", False),
        ("ben", True),
    ]
    fill(world, rows("ada", "ben", city="Paris"))
    again = world.run("people")
    assert (again.changed, again.requests) == (0, 0)
    found = contacts(sandbox)
    assert found["ada@example.com"] == {"email": "ada@example.com", "firstname": "A."}
    assert found["ben@example.com"]["city"] == "Berlin"


def test_an_edit_at_the_channel_is_never_overwritten(world: World, sandbox: Any) -> None:
    by_hand(sandbox, "ben@example.com", city="Rome")
    declare(world, keep_edits=["city"])
    fill(world, rows("ada", "ben", "cem"))
    assert world.run("people").acknowledged == 3
    assert contacts(sandbox)["ben@example.com"]["city"] == "Rome"
    by_hand(sandbox, "ada@example.com", city="Oslo")
    fill(world, [(key, email, f"{name}!", "Paris") for key, email, name, _ in rows("ada", "cem")])
    assert world.run("people").changed == 2
    found = contacts(sandbox)
    assert found["ada@example.com"]["city"] == "Oslo"
    assert found["ada@example.com"]["firstname"] == "Ada!"
    assert found["cem@example.com"]["city"] == "Paris"
    log = world.ledger(
        "select key, reason from sync_changelog where code = 'edits_kept' order by recorded_at, key"
    )
    reason = "left as edited at the channel: city"
    assert log == [("ben", reason), ("ada", reason)]
    assert world.run("people").requests == 0


def test_klaviyo_keeps_to_the_options_too(world: World, sandbox: Any) -> None:
    declare(world, destination="klaviyo", object="profiles", columns=KLAVIYO)
    fill(world, [("ada", "ada@example.com", "Ada", "Buyer")])
    assert world.run("people").acknowledged == 1
    options: list[tuple[dict[str, Any], dict[str, int]]] = [
        ({"update_only": True}, {"acknowledged": 1, "skipped": 1}),
        ({"create_only": True}, {"acknowledged": 1, "skipped": 1}),
    ]
    for number, (chosen, expected) in enumerate(options):
        world.declare(
            f"other{number}", destination="klaviyo", object="profiles", columns=KLAVIYO, **chosen
        )
        table = [("ada", "ada@example.com", "A.", "Boss"), ("ben", "ben@example.com", "B.", None)]
        types = ", ".join(f"{name} text" for name in KLAVIYO)
        world.rows(f"activation.sync_other{number}", table, types)
        result = world.run(f"other{number}")
        assert {name: getattr(result, name) for name in expected} == expected
        found = {
            profile["attributes"]["email"]: profile["attributes"]
            for profile in sandbox.state("klaviyo")["profiles"].values()
        }
        assert set(found) == {"ada@example.com"} | ({"ben@example.com"} if number else set())
        assert found["ada@example.com"]["first_name"] == "A."
    declare(world, destination="klaviyo", object="profiles", columns=KLAVIYO, keep_edits=["title"])
    fill(world, [("ada", "ada@example.com", "Ada", "Chief")])
    assert world.run("people").changed == 1
    (ada,) = [p for k, p in sandbox.state("klaviyo")["profiles"].items() if k == "P000001"]
    assert (ada["attributes"]["first_name"], ada["attributes"]["title"]) == ("Ada", "Boss")


@pytest.mark.parametrize(
    ("options", "expected", "skipped"),
    [
        ({"update_only": True}, {"ada": ("Ada", "Oslo")}, 1),
        ({"create_only": True}, {"ada": ("A.", "Rome"), "o'neil": ("O'Neil", "Oslo")}, 1),
        ({"keep_edits": ["City"]}, {"ada": ("Ada", "Rome"), "o'neil": ("O'Neil", "Oslo")}, 0),
    ],
    ids=["update_only", "create_only", "keep_edits"],
)
def test_salesforce_is_asked_before_it_is_written_to(
    world: World,
    sandbox: Any,
    options: dict[str, Any],
    expected: dict[str, tuple[str, str]],
    skipped: int,
) -> None:
    there = {"Person_Id__c": "ada", "FirstName": "A.", "City": "Rome"}
    path = "/services/data/v62.0/composite/sobjects/Contact/Person_Id__c"
    body = {"allOrNone": False, "records": [{"attributes": {"type": "Contact"}, **there}]}
    headers = {"Authorization": "Bearer somebody"}
    url = f"{sandbox.url}/salesforce{path}"
    assert requests.patch(url, json=body, headers=headers, timeout=10).ok
    columns = dict.fromkeys(("person_id", "Person_Id__c", "FirstName", "City"), "string")
    declare(
        world,
        destination="salesforce",
        object="Contact",
        columns=columns,
        match=["Person_Id__c"],
        **options,
    )
    fill(world, [(name, name, name.title(), "Oslo") for name in ("ada", "o'neil")])
    result = world.run("people")
    assert (result.status, result.skipped) == ("done", skipped)
    held = sandbox.state("salesforce")["records"]["Contact"].values()
    found = {each["Person_Id__c"]: (each["FirstName"], each["City"]) for each in held}
    assert found == expected
    if "keep_edits" in options:
        (reason,) = world.ledger("select reason from sync_changelog where code = 'edits_kept'")
        assert reason == ("left as edited at the channel: City",)


def test_a_profile_that_moves_is_no_second_profile(world: World, sandbox: Any) -> None:
    declare(world, destination="klaviyo", object="profiles", columns=KLAVIYO)
    fill(world, [("ada", "ada@example.com", "Ada", "Buyer")])
    world.run("people")
    fill(world, [("ada", "ada.new@example.com", "Ada", "Buyer")])
    assert world.run("people").changed == 1
    (profile,) = sandbox.state("klaviyo")["profiles"].values()
    assert profile["attributes"]["email"] == "ada.new@example.com"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"update_only": True}, {"ada": "Oslo"}),
        ({"create_only": True}, {"ada": "Rome", "ben": "Oslo"}),
        ({"keep_edits": ["city"]}, {"ada": "Rome", "ben": "Oslo"}),
    ],
    ids=["update_only", "create_only", "keep_edits"],
)
def test_a_receiver_of_webhooks_is_told_what_it_may_do(
    world: World,
    sandbox: Any,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    expected: dict[str, str],
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", f"{sandbox.url}/webhook")
    there = {"operation": "upsert", "key": "ada", "fields": {"city": "Rome"}}
    body = {"sync": "people", "run_id": "by hand", "records": [there]}
    assert requests.post(f"{sandbox.url}/webhook", json=body, timeout=10).ok
    declare(world, destination="webhook", object="records", **options)
    fill(world, rows("ada", "ben", city="Oslo"))
    result = world.run("people")
    assert (result.status, result.acknowledged + result.skipped) == ("done", 2)
    records = sandbox.state("webhook")["records"]["people"]
    assert {key: record["fields"]["city"] for key, record in records.items()} == expected
    assert world.run("people").acknowledged == 0


@pytest.mark.parametrize(
    ("sync", "complaint"),
    [
        ({"update_only": True, "create_only": True}, "create_only: excludes update_only"),
        ({"keep_edits": ["salary"]}, "keep_edits: 'salary' is no field that is sent"),
        ({"keep_edits": ["email"]}, "keep_edits: 'email' is a match key"),
        (
            {"destination": "files", "object": "csv", "mode": "mirror", "update_only": True},
            "update_only: files csv cannot do that; possible: none",
        ),
        (
            {"destination": "braze", "object": "users", "match": None, "update_only": True},
            "update_only: braze users cannot do that: Braze queues a batch, and tells nobody which "
            "users were there; possible: none",
        ),
        (
            {"destination": "mailchimp", "object": "members", "keep_edits": ["city"]},
            "keep_edits: mailchimp members cannot do that: Mailchimp tells who is there only by "
            "refusing to make them again; possible: create_only",
        ),
        (
            {"destination": "webhook", "object": "records", "mode": "append", "create_only": True},
            "create_only: is for upsert and mirror, not append",
        ),
        (
            {
                "destination": "klaviyo",
                "object": "profiles",
                "columns": KLAVIYO | {"properties": "string"},
                "keep_edits": ["properties"],
            },
            "keep_edits: 'properties' holds several values",
        ),
    ],
)
def test_an_option_that_cannot_be_is_an_error_of_the_declaration(
    world: World, sync: dict[str, Any], complaint: str
) -> None:
    declare(world, **sync)
    with pytest.raises(SyncError) as caught:
        world.project()
    where = "dbt_project/models/activation/sync_people.yml: exposure 'people': config.meta.sync."
    assert str(caught.value).startswith(where + complaint)
