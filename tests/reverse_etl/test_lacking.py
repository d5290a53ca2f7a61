"""``check --connect`` names what a channel lacks, and makes what its API can make, if asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from reverse_etl.checking import app as checks
from reverse_etl.contract.project import Project
from reverse_etl.readback.lacking import Lacking, find_lacking
from tests.reverse_etl.loopback import Asked, Told, loopback
from tests.reverse_etl.world import MEMBER_COLUMNS, World

COLUMNS = {
    "person_id": "string",
    "email": "string",
    "lifetime_value": "numeric(18, 2)",
    "is_member": "boolean",
}


TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"
SCOPES = [
    f"crm.{what}.{how}" for what in ("objects.contacts", "lists") for how in ("read", "write")
]


@dataclass
class Crm:
    """A HubSpot that has some properties and lists, and remembers what is made."""

    properties: list[str] = field(default_factory=lambda: ["email", "firstname"])
    lists: list[str] = field(default_factory=list)
    made: list[Any] = field(default_factory=list)
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))

    def answer(self, asked: Asked) -> Told:
        if asked.path == TOKEN_INFO:
            assert asked.json == {"tokenKey": "sandbox"}
            return Told(200, {"hubId": 1, "scopes": self.scopes})
        if asked.path == "/crm/v3/properties/contacts" and asked.method == "GET":
            return Told(200, {"results": [{"name": name} for name in self.properties]})
        if asked.path == "/crm/v3/properties/contacts":
            self.made.append(asked.json)
            self.properties.append(asked.json["name"])
            return Told(201, asked.json)
        if asked.path.startswith("/crm/v3/lists/object-type-id/0-1/name/"):
            name = asked.path.rpartition("/")[2].replace("%20", " ")
            held = {"list": {"listId": "7", "processingType": "MANUAL", "name": name}}
            return Told(200, held) if name in self.lists else Told(404, {"category": "NONE"})
        if (asked.method, asked.path) == ("POST", "/crm/v3/lists/"):
            self.lists.append(asked.json["name"])
            return Told(200, {"list": {"listId": "8"}})
        assert asked.method == "GET", (asked.method, asked.path)
        return Told(200, {"results": []})


def test_missing_properties_are_named_and_made_on_demand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("crm", "upsert", COLUMNS, destination="hubspot", object="contacts")
    crm = Crm()
    with loopback(crm.answer) as vendor:
        monkeypatch.setenv("HUBSPOT_URL", vendor.url)
        project = Project.load()
        found = find_lacking(project, "crm", {})
        assert [(each.what, each.state) for each in found] == [
            ("property 'lifetime_value'", "missing"),
            ("property 'is_member'", "missing"),
        ]
        assert not crm.made
        assert {each.method for each in vendor.asked if each.path != TOKEN_INFO} == {"GET"}
        assert {each.state for each in find_lacking(project, "crm", {}, create=True)} == {"made"}
        value, member = crm.made
        assert (value["type"], value["fieldType"]) == ("number", "number")
        assert (value["label"], value["groupName"]) == ("Lifetime value", "contactinformation")
        assert member["type"] == "bool" and len(member["options"]) == 2
        assert find_lacking(project, "crm", {}) == []


def test_scopes_that_a_token_lacks_are_named_though_its_probe_is_let_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("members", "audience", destination="hubspot", object="list_members")
    crm = Crm(properties=["email", "city"], scopes=["crm.lists.read", "crm.objects.contacts.read"])
    with loopback(crm.answer) as vendor:
        monkeypatch.setenv("HUBSPOT_URL", vendor.url)
        found = find_lacking(Project.load(), "members", {})
    assert [(each.what, each.state, each.detail) for each in found] == [
        ("scope 'crm.lists.write'", "missing", "grant it to HUBSPOT_TOKEN"),
        ("scope 'crm.objects.contacts.write'", "missing", "grant it to HUBSPOT_TOKEN"),
    ]


def test_lists_that_are_not_there_are_named_and_nothing_is_made_by_looking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("members", "audience", destination="hubspot", object="list_members")
    crm = Crm(properties=["email", "city"], lists=["Regulars"])
    audiences = {"regulars": "Regulars", "vips": "Best customers"}
    with loopback(crm.answer) as vendor:
        monkeypatch.setenv("HUBSPOT_URL", vendor.url)
        project = Project.load()
        assert find_lacking(project, "members", audiences) == [
            Lacking(
                "members",
                "list 'Best customers'",
                "to be made",
                "a sync makes it for its first member",
            )
        ]
        assert crm.lists == ["Regulars"]
        (made,) = find_lacking(project, "members", audiences, create=True)
        assert made.state == "made" and crm.lists == ["Regulars", "Best customers"]
        assert find_lacking(project, "members", audiences) == []


def test_a_channel_that_does_not_tell_its_lists_is_not_said_to_lack_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = ("person_id", "audience", "audience_label", "purpose")
    columns = {name: MEMBER_COLUMNS[name] for name in control} | {"external_id": "string"}
    world.declare("members", "audience", columns, destination="braze", object="cohort_members",
                  match=["external_id"])  # fmt: skip
    for name in ("PARTNER", "PARTNER_KEY", "CLIENT_SECRET"):
        monkeypatch.setenv(f"BRAZE_{name}", "seamline")
    with loopback(lambda asked: Told(201, {"message": "success"})) as vendor:
        monkeypatch.setenv("BRAZE_URL", vendor.url)
        (found,) = find_lacking(Project.load(), "members", {"vips": "Best customers"})
        assert (found.what, found.state) == ("list 'Best customers'", "unknown")
        assert found.detail.startswith("Braze does not tell which lists it has; a sync makes it")
        assert not vendor.asked
        (made,) = find_lacking(Project.load(), "members", {"vips": "Best customers"}, create=True)
        assert made.state == "made" and "was there" in made.detail
        assert [each.path for each in vendor.asked] == ["/partners/seamline/cohorts"]


def test_what_no_api_makes_is_told_with_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {
        "person_id": "string",
        "Person_Id__c": "string",
        "Score__c": "bigint",
        "Id2": "string",
    }
    world.declare("sf", "upsert", columns, destination="salesforce", object="Contact",
                  match=["Person_Id__c"])  # fmt: skip
    fields = [
        {"name": "Person_Id__c", "updateable": True, "createable": True},
        {"name": "Score__c", "updateable": False, "createable": False},
    ]
    with loopback(lambda asked: Told(200, {"fields": fields})) as vendor:
        monkeypatch.setenv("SALESFORCE_URL", vendor.url)
        found = find_lacking(Project.load(), "sf", {}, create=True)
        (asked,) = vendor.asked
    assert (asked.method, asked.path) == ("GET", "/services/data/v62.0/sobjects/Contact/describe")
    assert [(each.what, each.state, each.detail) for each in found] == [
        (
            "property 'Score__c'",
            "missing",
            "let the user's profile edit the field Score__c of Contact, or leave it out",
        ),
        (
            "property 'Id2'",
            "missing",
            "make the field Id2 of Contact in Setup, Object Manager",
        ),
    ]


PROPERTIES = {
    "activecampaign": (
        "contacts",
        "/api/3/fields",
        {"fields": [{"id": "1", "perstag": "CITY", "title": "City", "type": "text"}]},
        {"field": {"type": "text", "title": "Total paid", "perstag": "TOTAL_PAID", "visible": 1}},
    ),
    "attio": (
        "people",
        "/v2/objects/people/attributes",
        {"data": [{"api_slug": "name"}, {"api_slug": "email_addresses"}, {"api_slug": "city"}]},
        {
            "data": {
                "title": "Total paid",
                "description": None,
                "api_slug": "total_paid",
                "type": "number",
                "is_required": False,
                "is_unique": False,
                "is_multiselect": False,
                "config": {},
            }
        },
    ),
    "mailchimp": (
        "members",
        "/3.0/lists/L1/merge-fields",
        {"merge_fields": [{"tag": "FNAME"}, {"tag": "CITY"}]},
        {"tag": "TOTAL_PAID", "name": "Total paid", "type": "number", "public": False},
    ),
    "sendgrid": (
        "contacts",
        "/v3/marketing/field_definitions",
        {"reserved_fields": [{"id": "_rf2_T", "name": "email", "field_type": "Text"}]},
        {"name": "total_paid", "field_type": "Number"},
    ),
    "zendesk": (
        "users",
        "/api/v2/user_fields.json",
        {
            "user_fields": [
                {"key": "first_name", "title": "First", "type": "text"},
                {"key": "city", "title": "City", "type": "text"},
            ]
        },
        {"user_field": {"key": "total_paid", "title": "Total paid", "type": "decimal"}},
    ),
}


# A field of ActiveCampaign's that belongs to no list is not shown with contacts.
THEN = {"activecampaign": ["/api/3/fieldRels"]}


@pytest.mark.parametrize("slug", PROPERTIES)
def test_a_column_that_is_no_property_yet_is_made_as_its_channel_wants_it(
    world: World, monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    kind, path, known, made = PROPERTIES[slug]
    columns = {name: "string" for name in ("person_id", "email", "first_name", "city")}
    columns["total_paid"] = "numeric(18, 2)"
    world.declare("crm", "upsert", columns, destination=slug, object=kind)
    monkeypatch.setenv("MAILCHIMP_LIST_ID", "L1")

    def answer(asked: Asked) -> Told:
        if asked.path == "/v2/self":
            scope = "object_configuration:read-write record_permission:read-write"
            return Told(200, {"active": True, "scope": scope})
        return Told(200, known) if asked.method == "GET" else Told(200, {"field": {"id": "8"}})

    with loopback(answer) as vendor:
        monkeypatch.setenv(f"{slug.upper()}_URL", vendor.url)
        project = Project.load()
        (found,) = find_lacking(project, "crm", {})
        assert (found.what, found.state) == ("property 'total_paid'", "missing")
        asked = {(each.method, each.path) for each in vendor.asked}
        assert asked - {("GET", "/v2/self")} == {("GET", path)}
        (found,) = find_lacking(project, "crm", {}, create=True)
        assert found.state == "made"
    making, *more = (asked for asked in vendor.asked if asked.method == "POST")
    assert (making.path, making.json) == (path, made)
    assert [asked.path for asked in more] == THEN.get(slug, [])
    with loopback(lambda asked: Told(403, {"code": "no", "message": "not you"})) as vendor:
        monkeypatch.setenv(f"{slug.upper()}_URL", vendor.url)
        found_out = find_lacking(Project.load(), "crm", {})
    assert {each.state for each in found_out} == {"unknown"}


def test_the_command_ends_with_1_until_everything_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("crm", "upsert", COLUMNS, destination="hubspot", object="contacts")
    crm = Crm()
    composed = typer.Typer()
    composed.add_typer(checks)
    with loopback(crm.answer) as vendor:
        monkeypatch.setenv("HUBSPOT_URL", vendor.url)
        for options, code, states in (
            ([], 1, ["missing", "missing"]),
            (["--create"], 0, ["made", "made"]),
            ([], 0, []),
        ):
            result = CliRunner().invoke(composed, ["check", "--connect", "--json", *options])
            assert result.exit_code == code, result.output
            (row,) = json.loads(result.stdout)
            assert [lack["state"] for lack in row["lacking"]] == states


def test_a_channel_that_does_not_tell_is_no_obstacle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("crm", "upsert", COLUMNS, destination="hubspot", object="contacts")
    with loopback(lambda asked: Told(404, {"category": "X", "message": "no"})) as vendor:
        monkeypatch.setenv("HUBSPOT_URL", vendor.url)
        found = find_lacking(Project.load(), "crm", {})
    assert [(each.what, each.state) for each in found] == [
        ("scopes", "unknown"),
        ("properties", "unknown"),
    ]
