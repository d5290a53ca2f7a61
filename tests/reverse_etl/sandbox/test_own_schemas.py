"""The stand-ins of vendors without a specification, held to what is known of these vendors.

Klaviyo's own specification judges its stand-in in ``destinations/test_klaviyo_contract.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
import yaml

from reverse_etl.channel.batch import Options, Record
from reverse_etl.destinations import hubspot, meta, salesforce, webhook
from reverse_etl.sandbox import Sandbox, running_sandbox
from tests.reverse_etl.destinations.driver import Wire, batch, records
from tests.reverse_etl.destinations.test_specifications import SCHEMAS

openapi_core = pytest.importorskip("openapi_core", reason="openapi-core is not installed")

VENDORS = {
    "hubspot": "https://api.hubapi.com",
    "meta": "https://graph.facebook.com",
    "salesforce": "https://example.my.salesforce.com",
    "webhook": "https://receiver.example.com",
}
MEMBERS = "custom_audience_members"


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    read = {slug: yaml.safe_load((SCHEMAS / f"{slug}.yml").read_text()) for slug in VENDORS}
    return {slug: openapi_core.OpenAPI.from_dict(each) for slug, each in read.items()}


@pytest.fixture
def running() -> Any:
    with running_sandbox() as sandbox:
        yield sandbox


def judge(schema: Any, slug: str, answered: requests.Response) -> None:
    """Hold one request, as it was sent, and its answer to the vendor's schema."""
    from openapi_core.contrib.requests import (  # noqa: PLC0415
        RequestsOpenAPIRequest,
        RequestsOpenAPIResponse,
    )

    asked = answered.request.copy()
    asked.url = VENDORS[slug] + (asked.path_url.removeprefix(f"/{slug}") or "/")
    if answered.status_code < 400:  # what is wrong with a request may be why it was refused
        schema.validate_request(RequestsOpenAPIRequest(asked))
    schema.validate_response(RequestsOpenAPIRequest(asked), RequestsOpenAPIResponse(answered))


def speak_to_hubspot(running: Sandbox) -> Wire:
    """People are written, refused, looked up, listed, put on a list, taken off, and archived."""
    wire = Wire(hubspot.destination, running.url)
    rows = [{"email": f"p{n}@example.com", "firstname": f"P{n}", "phone": None} for n in range(3)]
    found = wire.converse(batch(records("add", [*rows, {"email": "nobody"}]), "contacts", "mirror"))
    assert {verdict.status for verdict in found.values()} == {"acknowledged", "rejected"}
    for options in (Options(update_only=True), Options(create_only=True)):
        chosen = batch(records("add", [*rows, {"email": "new@example.com"}]), "contacts", "upsert")
        wire.converse(replace(chosen, options=options))
    wire.run(hubspot.destination.list_page("contacts", ["email"], None, "", wire.settings))
    audience = wire.prepare("list_members", "vips", "Best customers")
    assert wire.prepare("list_members", "vips", "Best customers") == audience
    wire.converse(batch(records("add", rows), "list_members", audience=audience))
    ids = {key: verdict.channel_id for key, verdict in found.items()}
    leaving = [
        Record(key, "remove", {}, ids[key], {"email": f"p{n}@example.com"})
        for n, key in enumerate(("p1", "p2"))
    ]
    wire.converse(batch(leaving, "list_members", audience=audience))
    wire.converse(batch(leaving, "contacts", "mirror"))
    return wire


def speak_to_salesforce(running: Sandbox) -> Wire:
    """Few records and many are written and deleted; members join a campaign, change and leave."""
    wire = Wire(salesforce.destination, running.url)
    for count in (3, 2_001):
        rows = [
            Record(f"p{n}", "add", {"Person_Id__c": f"p{n}", "LastName": "Sample", "City": None})
            for n in range(count)
        ]
        rows.append(Record("none", "add", {"Person_Id__c": None, "LastName": "Sample"}))
        a_batch = batch(rows, "Contact", "upsert", VERSION="v62.0")
        found = wire.converse(replace(a_batch, match=("Person_Id__c",)))
        gone = [Record(k, "remove", {}, v.channel_id) for k, v in found.items() if v.channel_id]
        wire.converse(batch(gone, "Contact", "mirror", VERSION="v62.0"))
    wire.settings["VERSION"] = "v62.0"
    audience = wire.prepare("CampaignMember", "vips", "The club's VIPs")
    assert wire.prepare("CampaignMember", "vips", "The club's VIPs") == audience

    def say(*rows: Record) -> dict[str, Any]:
        return wire.converse(batch(rows, "CampaignMember", audience=audience, VERSION="v62.0"))

    joined = say(Record("p0", "add", {"ContactId": "0030"}))
    say(Record("p0", "add", {"ContactId": "0030"}))
    known, sent = joined["p0"].channel_id, {"ContactId": "0030"}
    say(Record("p0", "change", {"ContactId": "0030", "Status": "Sent"}, known, sent))
    say(Record("p0", "remove", {}, known, sent))
    return wire


def speak_to_meta(running: Sandbox) -> Wire:
    """People join, move and leave; an audience is replaced."""
    wire = Wire(meta.destination, running.url)
    audience = wire.prepare(MEMBERS, "vips", "Best customers")
    assert wire.prepare(MEMBERS, "vips", "Best customers") == audience
    people = [{"email": f"p{n}@example.com", "country": "GB"} for n in range(3)]
    wire.converse(batch(records("add", people), MEMBERS, audience=audience))
    moved = [{"email": "p0.new@example.com"}]
    wire.converse(batch(records("change", moved, p1=people[0]), MEMBERS, audience=audience))
    wire.converse(batch(records("remove", people[1:]), MEMBERS, audience=audience))
    parts = [batch(records("add", [each]), MEMBERS, audience=audience) for each in people]
    wire.run(meta.destination.replace(parts, 3))
    return wire


def speak_to_webhook(running: Sandbox) -> Wire:
    """Rows are written, refused one by one, removed and appended; a delivery comes twice."""
    wire = Wire(webhook.destination, running.url)
    rows = records("add", [{"total": 1}, {"total": 2}])
    running.fail("webhook", "reject", match='"total": 2')
    verdicts = wire.converse(batch(rows, "records", "mirror"))
    assert {verdict.status for verdict in verdicts.values()} == {"acknowledged", "rejected"}
    wire.converse(batch(rows, "records", "mirror"))
    for operation, mode in (("remove", "mirror"), ("append", "append")):
        again = batch(records(operation, [{"total": 3}]), "records", mode)
        again = replace(again, batch_id=f"run1-{operation}")
        wire.converse(again)
    assert {answered.status_code for answered in wire.answered} == {200, 207}
    return wire


CONVERSATIONS: dict[str, tuple[Callable[[Sandbox], Wire], int]] = {
    "hubspot": (speak_to_hubspot, 10),
    "salesforce": (speak_to_salesforce, 11),
    "meta": (speak_to_meta, 5),
    "webhook": (speak_to_webhook, 1),
}


@pytest.mark.parametrize("slug", CONVERSATIONS)
def test_every_request_and_answer_keeps_the_schema(
    schemas: dict[str, Any], running: Sandbox, slug: str
) -> None:
    speak, kinds = CONVERSATIONS[slug]
    wire = speak(running)
    for answered in wire.answered:
        judge(schemas[slug], slug, answered)
    seen = {
        (each.request.method, str(each.request.url).split("?")[0].rsplit("/", 1)[-1].strip("0123"))
        for each in wire.answered
    }
    assert len(seen) >= kinds, seen


@pytest.mark.parametrize("slug", CONVERSATIONS)
@pytest.mark.parametrize("fault", ["rate_limit", "error_before", ""])
def test_the_stand_ins_errors_keep_the_schema(
    schemas: dict[str, Any], running: Sandbox, slug: str, fault: str
) -> None:
    path = {
        "hubspot": "/crm/v3/objects/contacts/batch/upsert",
        "salesforce": "/services/data/v62.0/composite/sobjects/Contact/Person_Id__c",
        "meta": "/v26.0/23850000000000001/usersreplace",
        "webhook": "",
    }[slug]
    method = "PATCH" if slug == "salesforce" else "POST"
    if fault:
        running.fail(slug, fault)
    for headers in ({}, {"Authorization": "Bearer t"}):
        url = f"{running.url}/{slug}{path}"
        answered = requests.request(method, url, json={}, headers=headers, timeout=10)
        assert answered.status_code >= 400
        judge(schemas[slug], slug, answered)


@pytest.mark.parametrize("slug", CONVERSATIONS)
def test_a_broken_answer_is_found(schemas: dict[str, Any], running: Sandbox, slug: str) -> None:
    wire = CONVERSATIONS[slug][0](running)
    # A webhook's receiver says with a bare 200 that all is well; of single records it tells by 207.
    telling = 207 if slug == "webhook" else 200
    answered = next(each for each in wire.answered if each.status_code == telling)
    answered._content = b"{}"
    with pytest.raises(openapi_core.exceptions.OpenAPIError):
        judge(schemas[slug], slug, answered)


META_CANARIES = [
    {"payload": '{"schema": ["EMAIL"], "data": [["ada@example.com"]]}'},
    {"payload": '{"schema": ["MAIL"], "data": [["ab"]]}'},
    {"session": '{"session_id": 1, "batch_seq": 0}'},
    {"payload": "no json"},
]


@pytest.mark.parametrize("wrong", META_CANARIES)
def test_the_canary_is_refused(schemas: dict[str, Any], wrong: dict[str, str]) -> None:
    from openapi_core.contrib.requests import RequestsOpenAPIRequest  # noqa: PLC0415

    right = {
        "payload": '{"schema": ["EMAIL"], "data": [["ab"]]}',
        "session": '{"session_id": 1, "batch_seq": 1, "last_batch_flag": true, '
        '"estimated_num_total": 1}',
    }
    headers = {"Authorization": "Bearer t"}

    def said(**how: Any) -> Any:
        url = f"{VENDORS['meta']}/v26.0/77/users"
        request = requests.Request(url=url, headers=headers, **how).prepare()
        return RequestsOpenAPIRequest(request)

    schemas["meta"].validate_request(said(method="POST", data=right))
    schemas["meta"].validate_request(said(method="DELETE", params=right))
    for how in (
        {"method": "POST", "data": right | wrong},
        {"method": "DELETE", "params": right | wrong},
    ):
        with pytest.raises(openapi_core.exceptions.OpenAPIError):
            schemas["meta"].validate_request(said(**how))
