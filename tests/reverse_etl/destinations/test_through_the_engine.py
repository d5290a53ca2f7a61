"""Channels behind the whole engine: what they told us in one run is what the next one goes by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.reverse_etl.loopback import Asked, Told, loopback
from tests.reverse_etl.world import World

LIST = "/crm/v3/lists/7/memberships"


@dataclass
class StatefulHubSpot:
    """A vendor that knows contacts by id and one static list; enough for members to come and go."""

    ids: dict[str, str] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    lists: int = 0

    def answer(self, asked: Asked) -> Told:
        if asked.path.startswith("/crm/v3/lists/object-type-id/"):
            held = {"listId": "7", "processingType": "MANUAL"}
            return Told(200, {"list": held}) if self.lists else Told(404, {"category": "X"})
        if (asked.method, asked.path) == ("POST", "/crm/v3/lists/"):
            self.lists += 1
            return Told(200, {"list": {"listId": "7"}})
        if asked.path == f"{LIST}/add":
            self.members |= set(asked.json)
            return Told(200, {"recordsIdsAdded": asked.json})
        if asked.path == f"{LIST}/remove":
            self.members -= set(asked.json)
            return Told(200, {"recordIdsRemoved": asked.json})
        assert asked.path == "/crm/v3/objects/contacts/batch/upsert", asked.path
        return Told(200, {"results": [self._kept(each) for each in asked.json["inputs"]]})

    def _kept(self, sent: dict[str, Any]) -> dict[str, Any]:
        number = self.ids.pop(sent["id"], None) or str(100 + len(self.ids))
        self.ids[sent["properties"]["email"]] = number
        return {"id": number, "objectWriteTraceId": sent["objectWriteTraceId"]}


def test_members_leave_by_the_ids_that_hubspot_told_us(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = StatefulHubSpot()
    world.declare("members", "audience", destination="hubspot", object="list_members")
    world.consent("ada", "ben")
    with loopback(vendor.answer) as server:
        monkeypatch.setenv("HUBSPOT_URL", server.url)
        rows = [
            ("ada", "abandoned_cart", "newsletter", "ada@example.com"),
            ("ben", "abandoned_cart", "newsletter", "ben@example.com"),
        ]
        world.members(rows)
        first = world.run("members")
        assert (first.status, first.acknowledged) == ("done", 2)
        assert vendor.members == set(vendor.ids.values()) and len(vendor.members) == 2
        # Ben leaves, Ada moves: her contact and membership stay the ones they were.
        world.members([("ada", "abandoned_cart", "newsletter", "ada.new@example.com")])
        ada = vendor.ids["ada@example.com"]
        server.asked.clear()
        second = world.run("members", overrides=["removed_fraction"])
        assert (second.status, second.acknowledged) == ("done", 2)
        assert vendor.members == {ada} == {vendor.ids["ada.new@example.com"]}
        assert "/crm/v3/objects/contacts/batch/read" not in [each.path for each in server.asked]
        assert vendor.lists == 1
        assert world.run("members").acknowledged == 0


def test_a_record_over_the_vendors_size_stands_alone(world: World, sandbox: Any) -> None:
    columns = {"person_id": "string", "email": "string", "properties": "string"}
    world.declare("people", columns=columns, destination="klaviyo", object="profiles")
    rows = [(f"p{n}", f"p{n}@example.com", '{"note": "short"}') for n in range(20)]
    rows[7] = ("p7", "p7@example.com", json.dumps({"note": "x" * 6_000_000}))
    world.rows("activation.sync_people", rows, "person_id text, email text, properties text")
    result = world.run("people")
    assert (result.acknowledged, result.rejected) == (19, 1)
    ((key, reason),) = world.ledger(
        "select key, reason from sync_changelog where status = 'rejected'"
    )
    assert key == "p7" and "too large" in reason
    held = sandbox.state("klaviyo")["profiles"].values()
    assert len(held) == 19


def test_an_existing_mailchimp_member_keeps_their_subscription(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriptions = {"ada@example.com": "unsubscribed"}

    def answer(asked: Asked) -> Told:
        if asked.method == "PUT":
            email = asked.json["email_address"]
            subscriptions[email] = asked.json.get("status") or subscriptions.get(
                email, asked.json["status_if_new"]
            )
            return Told(200, {"id": "x"})
        made, errors = [], []
        for member in asked.json["members"]:
            email = member["email_address"]
            if email in subscriptions and not asked.json["update_existing"]:
                code = "ERROR_CONTACT_EXISTS"
                errors.append({"email_address": email, "error": "exists", "error_code": code})
            else:
                subscriptions[email] = member["status"]
                made.append({"id": "y", "email_address": email})
        return Told(200, {"new_members": made, "errors": errors, "error_count": len(errors)})

    columns = {"person_id": "string", "email": "string", "name": "string", "score": "bigint"}
    world.declare("contacts", destination="mailchimp", object="members", columns=columns)
    world.contacts([("ada", "ada@example.com", "Ada", 1), ("ben", "ben@example.com", "Ben", 2)])
    with loopback(answer) as server:
        monkeypatch.setenv("MAILCHIMP_URL", server.url)
        monkeypatch.setenv("MAILCHIMP_LIST_ID", "L1")
        assert world.run().acknowledged == 2
        world.contacts([("ada", "ada@example.com", "Ada", 9), ("ben", "ben@example.com", "Ben", 2)])
        assert world.run().acknowledged == 1
    assert subscriptions == {"ada@example.com": "unsubscribed", "ben@example.com": "transactional"}
