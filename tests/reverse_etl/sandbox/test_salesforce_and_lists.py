"""The stand-ins for Salesforce and HubSpot's lists, spoken to by the destinations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from reverse_etl.channel.batch import Audience, Record
from reverse_etl.destinations import hubspot, salesforce
from reverse_etl.sandbox import Sandbox, running_sandbox
from tests.reverse_etl.destinations.driver import Wire, batch

VERSION = {"VERSION": "v62.0"}


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


def contacts(count: int, operation: Any = "add", **more: Any) -> list[Record]:
    return [
        Record(
            f"p{n}", operation, {"Person_Id__c": f"p{n}", "LastName": f"Sample, {n}", "City": None}
        )
        for n in range(count)
    ]


def written(wire: Wire, rows: list[Record]) -> dict[str, Any]:
    found = batch(rows, "Contact", "upsert", **VERSION)
    return wire.converse(replace(found, match=("Person_Id__c",)))


@pytest.mark.parametrize(("count", "path"), [(201, "composite"), (2_001, "jobs/ingest")])
def test_records_come_are_refused_one_by_one_and_go(
    running: Sandbox, count: int, path: str
) -> None:
    wire = Wire(salesforce.destination, running.url)
    running.fail("salesforce", "reject", times=50, match='"p7"')
    found = written(wire, contacts(count))
    running.faults.clear()
    assert any(path in str(request.url) for request in wire.sent)
    assert {key for key, v in found.items() if v.status == "rejected"} == {"p7"}
    assert found["p7"].code == "INVALID_FIELD"
    held = running.state("salesforce")["records"]["Contact"]
    assert len(held) == count - 1
    assert held[found["p3"].channel_id]["LastName"] == "Sample, 3"
    again = written(wire, contacts(count))
    assert {v.status for v in again.values()} == {"acknowledged"}
    assert again["p3"].channel_id == found["p3"].channel_id
    leaving = [
        Record(key, "remove", {}, channel_id=verdict.channel_id) for key, verdict in again.items()
    ]
    gone = wire.converse(batch(leaving, "Contact", "mirror", **VERSION))
    assert {v.status for v in gone.values()} == {"acknowledged"}
    assert running.state("salesforce")["records"]["Contact"] == {}
    assert {v.status for v in wire.converse(batch(leaving, "Contact", **VERSION)).values()} == {
        "acknowledged"  # who is gone is gone
    }


def test_members_join_a_campaign_change_and_leave_it(running: Sandbox) -> None:
    wire = Wire(salesforce.destination, running.url)
    audience = wire.prepare("CampaignMember", "vips", "The club's VIPs")
    assert wire.prepare("CampaignMember", "vips", "The club's VIPs") == audience
    joining = [Record(f"p{n}", "add", {"ContactId": f"003{n}"}) for n in range(3)]
    found = wire.converse(batch(joining, "CampaignMember", audience=audience, **VERSION))
    members = running.state("salesforce")["records"]["CampaignMember"]
    assert {m["ContactId"] for m in members.values()} == {"0030", "0031", "0032"}
    assert {m["CampaignId"] for m in members.values()} == {audience.channel_id}
    again = wire.converse(batch(joining, "CampaignMember", audience=audience, **VERSION))
    assert {v.status for v in again.values()} == {"acknowledged"}
    assert len(running.state("salesforce")["records"]["CampaignMember"]) == 3
    ids = {key: verdict.channel_id for key, verdict in found.items()}
    change = Record(
        "p0", "change", {"ContactId": "0030", "Status": "Sent"}, ids["p0"], {"ContactId": "0030"}
    )
    wire.converse(batch([change], "CampaignMember", audience=audience, **VERSION))
    left = Record("p1", "remove", {}, ids["p1"], {"ContactId": "0031"})
    wire.converse(batch([left], "CampaignMember", audience=audience, **VERSION))
    members = running.state("salesforce")["records"]["CampaignMember"]
    assert {m["ContactId"]: m.get("Status") for m in members.values()} == {
        "0030": "Sent",
        "0032": None,
    }


def test_hubspots_static_lists_are_joined_and_left(running: Sandbox) -> None:
    wire = Wire(hubspot.destination, running.url)
    audience = wire.prepare("list_members", "vips", "Best customers")
    assert wire.prepare("list_members", "vips", "Best customers") == audience
    rows = [Record(f"p{n}", "add", {"email": f"p{n}@example.com"}) for n in range(3)]
    found = wire.converse(batch(rows, "list_members", audience=audience))
    assert members(running, audience) == {found[key].channel_id for key in ("p0", "p1", "p2")}
    sent = {"email": "p1@example.com"}
    leaving = [Record("p1", "remove", {}, found["p1"].channel_id, sent)]
    wire.converse(batch(leaving, "list_members", audience=audience))
    assert members(running, audience) == {found["p0"].channel_id, found["p2"].channel_id}
    # The contact stays, and can join again; one that is deleted is on no list.
    assert len(running.state("hubspot")["contacts"]) == 3
    gone = [Record("p0", "remove", {}, found["p0"].channel_id, {"email": "p0@example.com"})]
    wire.converse(batch(gone, "contacts", "mirror"))
    assert members(running, audience) == {found["p2"].channel_id}


def members(running: Sandbox, audience: Audience) -> set[str]:
    return set(running.state("hubspot")["lists"][audience.channel_id]["members"])
