"""The vendors' own clients as second judges: asked for the same, they send what we send.

Each is pointed at a loopback server; what arrives there is compared with the golden conversation
that ``converse`` is held to: method, path, body and authorisation. Where they differ, it says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from reverse_etl.channel.batch import Options
from reverse_etl.channel.destination import Lister
from reverse_etl.channel.inspection import Inspector
from tests.reverse_etl.destinations.driver import SETTINGS, answer, records
from tests.reverse_etl.destinations.golden import Case, Exchange, cases, golden
from tests.reverse_etl.loopback import Asked, Loopback, Told, loopback

ANSWER = {
    "results": [],
    "status": "COMPLETE",
    "startedAt": "2026-11-01T00:00:00Z",
    "completedAt": "2026-11-01T00:00:00Z",
}
Spoken = Callable[[Any, Case], Any]


@pytest.fixture
def vendor() -> Iterator[Loopback]:
    with loopback(lambda asked: Told(200, ANSWER)) as server:
        yield server


def case_of(slug: str, name: str) -> Case:
    (found,) = (each for each in cases() if (each.channel.slug, each.name) == (slug, name))
    return found


def said(vendor: Loopback, speak: Callable[[], Any]) -> Asked:
    """What the client sent. It may well stumble over our answer, which is not its own."""
    try:
        speak()
    except Exception:
        assert vendor.asked, "the client refused to send it"
    (asked,) = vendor.asked
    return asked


def hubspot_client(vendor: Loopback) -> Any:
    hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
    return hubspot.Client.create(access_token=SETTINGS["TOKEN"], host=vendor.url)


def upsert(kind: str, identity: str) -> Spoken:
    def speak(client: Any, case: Case) -> Any:
        from hubspot.crm import objects  # noqa: PLC0415

        known = [record for record in case.records() if record.fields.get(identity)]
        inputs = [
            objects.SimplePublicObjectBatchInputUpsert(
                id=str(record.sent_match.get(identity) or record.fields[identity]),
                id_property=identity,
                object_write_trace_id=record.key,
                properties={name: text(value) for name, value in record.fields.items()},
            )
            for record in known
        ]
        body = objects.BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
        return getattr(client.crm, kind).batch_api.upsert(body)

    return speak


def text(value: Any) -> str:
    """HubSpot's contract types every value of a property as text."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def archived(case: Case) -> list[str]:
    """HubSpot's ids of whom a golden conversation archives, looked up or known."""
    found = (verdict.partition(" -> ")[2] for verdict in case.verdicts.values())
    return [each for each in found if each]


def archive(kind: str) -> Spoken:
    def speak(client: Any, case: Case) -> Any:
        from hubspot.crm import objects  # noqa: PLC0415

        ids = [objects.SimplePublicObjectId(id=each) for each in archived(case)]
        body = objects.BatchInputSimplePublicObjectId(inputs=ids)
        return getattr(client.crm, kind).batch_api.archive(body)

    return speak


def look_up(client: Any, case: Case) -> Any:
    from hubspot.crm import contacts  # noqa: PLC0415

    body = contacts.BatchReadInputSimplePublicObjectId(
        id_property="email",
        inputs=[contacts.SimplePublicObjectId(id="gone@example.com")],
        properties=["email"],
        properties_with_history=[],
    )
    return client.crm.contacts.batch_api.read(body)


def join(client: Any, case: Case) -> Any:
    return client.crm.lists.memberships_api.add(case.batch().audience.channel_id, ["101"])  # type: ignore[union-attr]


def leave(client: Any, case: Case) -> Any:
    return client.crm.lists.memberships_api.remove(case.batch().audience.channel_id, ["101"])  # type: ignore[union-attr]


def purge(client: Any, case: Case) -> Any:
    from hubspot.crm import contacts  # noqa: PLC0415

    email = case.records()[0].fields["email"]
    body = contacts.PublicGdprDeleteInput(object_id=email, id_property="email")
    return client.crm.contacts.basic_api.purge(body)


def merge(kind: str) -> Spoken:
    def speak(client: Any, case: Case) -> Any:
        from hubspot.crm import contacts  # noqa: PLC0415

        record = case.records()[0]
        body = contacts.PublicMergeInput(
            object_id_to_merge=record.channel_id, primary_object_id=record.fields["into_id"]
        )
        return getattr(client.crm, kind).basic_api.merge(body)

    return speak


# Which step of which golden conversation, and how the client is asked for the same.
HUBSPOT: list[tuple[str, int, Spoken, set[str]]] = [
    ("contacts-upsert-add", 0, upsert("contacts", "email"), set()),
    ("contacts-upsert-change", 0, upsert("contacts", "email"), set()),
    ("companies-upsert-add", 0, upsert("companies", "seamline_id"), set()),
    ("deals-upsert-add", 0, upsert("deals", "deal_number"), set()),
    ("deals-upsert-change", 0, upsert("deals", "deal_number"), set()),
    ("companies-mirror-remove", 0, archive("companies"), set()),
    ("contacts-mirror-remove", -1, archive("contacts"), set()),
    ("deals-mirror-remove", -1, archive("deals"), set()),
    # The client insists on naming the properties whose history it wants; nobody wants any.
    ("list_members-audience-remove", 0, look_up, {"propertiesWithHistory"}),
    ("list_members-audience-change", 1, join, set()),
    ("list_members-audience-remove", 1, leave, set()),
    ("deletions-append-append", 0, purge, set()),
    ("contacts-upsert-merge", 0, merge("contacts"), set()),
    ("companies-upsert-merge", 0, merge("companies"), set()),
    ("deals-upsert-merge", 0, merge("deals"), set()),
]


@pytest.mark.parametrize(
    ("name", "step", "speak", "besides"), HUBSPOT, ids=[f"{each[0]}-{each[1]}" for each in HUBSPOT]
)
def test_hubspots_client_sends_the_same(
    vendor: Loopback, name: str, step: int, speak: Spoken, besides: set[str]
) -> None:
    case = case_of("hubspot", name)
    client = hubspot_client(vendor)
    asked = said(vendor, lambda: speak(client, case))
    assert_same(asked, case.exchanges[step], besides)
    headers = case.channel.headers(case.settings)
    assert asked.headers["authorization"] == headers["Authorization"]


def test_hubspots_client_reads_alike(vendor: Loopback) -> None:
    """What a check asks for, and what a channel in use holds."""
    client = hubspot_client(vendor)
    channel = case_of("hubspot", "contacts-upsert-add").channel
    assert isinstance(channel, Lister) and isinstance(channel, Inspector)
    said(vendor, lambda: client.crm.properties.core_api.get_all("contacts"))
    request = next(channel.inspect("contacts", {"email": "string"}, {}))
    (asked,) = vendor.asked
    assert (asked.method, asked.path, asked.params) == (request.method, request.path, {})
    vendor.asked.clear()
    listing = channel.list_page("contacts", ["email", "city"], None, "101", {})
    request = next(listing)
    theirs = {"limit": 100, "after": "101", "properties": ["email", "city"]}
    asked = said(vendor, lambda: client.crm.contacts.basic_api.get_page(**theirs))
    assert (asked.method, asked.path) == (request.method, request.path)
    # It writes a list as one parameter many times, of which the last is kept here.
    assert asked.params.pop("properties") in request.params["properties"].split(",")
    assert asked.params.pop("archived", "false") == "false"
    assert asked.params == {"limit": "100", "after": "101"}


@pytest.mark.parametrize("how", ["create", "update"])
def test_hubspots_client_creates_and_updates_alike(vendor: Loopback, how: str) -> None:
    client = hubspot_client(vendor)
    from hubspot.crm import contacts  # noqa: PLC0415

    case = case_of("hubspot", "contacts-upsert-add")
    options = Options(create_only=how == "create", update_only=how == "update")
    properties = {"email": "ada@example.com", "firstname": "Ada"}
    (record,) = records("add", [properties])
    conversation = case.channel.converse(replace(case.batch([record]), options=options))
    held = [{"id": "101", "properties": properties}] if how == "update" else []
    next(conversation)
    request = conversation.send(answer(200, {"status": "COMPLETE", "results": held}))
    trace = {"object_write_trace_id": "p1", "properties": properties}
    if how == "create":
        one: Any = contacts.SimplePublicObjectBatchInputForCreate(associations=[], **trace)
        body: Any = contacts.BatchInputSimplePublicObjectBatchInputForCreate(inputs=[one])
    else:
        one = contacts.SimplePublicObjectBatchInput(
            id="ada@example.com", id_property="email", **trace
        )
        body = contacts.BatchInputSimplePublicObjectBatchInput(inputs=[one])
    asked = said(vendor, lambda: getattr(client.crm.contacts.batch_api, how)(body))
    assert (asked.method, asked.path) == (request.method, request.path)
    sent = asked.json
    for each in sent["inputs"]:
        # The client insists on naming what a new record is associated with; nothing is.
        assert each.pop("associations", []) == []
    assert sent == request.json


def test_hubspots_client_makes_properties_alike(vendor: Loopback) -> None:
    client = hubspot_client(vendor)
    from hubspot.crm import properties  # noqa: PLC0415

    (written,) = (each for each in golden("hubspot")["inspect"] if each["object"] == "contacts")
    for each in written["missing"]:
        vendor.asked.clear()
        content = each["json"]
        options = [
            properties.OptionInput(display_order=n, hidden=False, **option)
            for n, option in enumerate(content.get("options", []))
        ]
        body = properties.PropertyCreate(
            name=content["name"],
            label=content["label"],
            type=content["type"],
            field_type=content["fieldType"],
            group_name=content["groupName"],
            options=options or None,
        )
        asked = said(
            vendor, lambda body=body: client.crm.properties.core_api.create("contacts", body)
        )
        assert f"{asked.method} {asked.path}" == each["ask"]
        sent = asked.json
        for option in sent.get("options", []):
            # It insists on what a choice looks like; left out, choices are shown as they come.
            assert option.pop("hidden") is False and isinstance(option.pop("displayOrder"), int)
        assert sent == content


def test_hubspots_client_finds_and_makes_lists_alike(vendor: Loopback) -> None:
    client = hubspot_client(vendor)
    from hubspot.crm import lists  # noqa: PLC0415

    found = said(vendor, lambda: client.crm.lists.lists_api.get_by_name("Best customers", "0-1"))
    assert (found.method, found.path) == (
        "GET",
        "/crm/v3/lists/object-type-id/0-1/name/Best%20customers",
    )
    vendor.asked.clear()
    body = lists.ListCreateRequest(
        name="Best customers", object_type_id="0-1", processing_type="MANUAL"
    )
    made = said(vendor, lambda: client.crm.lists.lists_api.create(body))
    assert (made.method, made.path) == ("POST", "/crm/v3/lists/")
    sent = {name: value for name, value in made.json.items() if value is not None}
    assert sent == {"name": "Best customers", "objectTypeId": "0-1", "processingType": "MANUAL"}


def member(email: str) -> str:
    return hashlib.md5(email.encode()).hexdigest()


ADA = member("ada@example.com")
MAILCHIMP: list[tuple[str, int, Spoken]] = [
    ("members-upsert-add", 0, lambda c, b: c.lists.batch_list_members("L1", b)),
    ("members-upsert-change", 1, lambda c, b: c.lists.set_list_member("L1", ADA, b)),
    ("members-mirror-remove", 0, lambda c, b: c.lists.delete_list_member("L1", ADA)),
    (
        "segment_members-audience-change",
        0,
        lambda c, b: c.lists.batch_segment_members(b, "L1", "7"),
    ),
    ("tag_members-audience-add", 0, lambda c, b: c.lists.update_list_member_tags("L1", ADA, b)),
    ("events-append-append", 0, lambda c, b: c.lists.create_list_member_event("L1", ADA, b)),
    (
        "deletions-append-append",
        0,
        lambda c, b: c.lists.delete_list_member_permanent("L1", ADA),
    ),
]


@pytest.mark.parametrize(
    ("name", "step", "speak"), MAILCHIMP, ids=[f"{each[0]}-{each[1]}" for each in MAILCHIMP]
)
def test_mailchimps_client_sends_the_same(
    vendor: Loopback, name: str, step: int, speak: Spoken
) -> None:
    """It passes bodies on as they are; what it judges is method, path and where the member is."""
    module = pytest.importorskip(
        "mailchimp_marketing", reason="mailchimp-marketing is not installed"
    )
    client = module.Client()
    client.set_config({"api_key": "key-us1", "server": "us1"})
    client.lists.api_client.host = f"{vendor.url}/3.0"
    case = case_of("mailchimp", name)
    exchange = case.exchanges[step]
    asked = said(vendor, lambda: speak(client, exchange.content))
    assert_same(asked, exchange, set())
    assert asked.headers["authorization"].startswith("Basic ")


def assert_same(asked: Asked, exchange: Exchange, besides: set[str]) -> None:
    assert (asked.method, asked.path) == (exchange.method, exchange.path)
    sent = json.loads(asked.body) if asked.body else None
    if isinstance(sent, dict):
        sent = {name: value for name, value in sent.items() if name not in besides}
    assert sent == exchange.content
