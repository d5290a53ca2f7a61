"""The stand-ins answer as their vendors do: what they refuse, and in which words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from reverse_etl.sandbox import Sandbox, running_sandbox

UPSERT = "/hubspot/crm/v3/objects/contacts/batch/upsert"
JOBS = "/klaviyo/api/profile-bulk-import-jobs"
AUDIENCES = "/meta/v26.0/act_1/customaudiences"
BEARER = {"Authorization": "Bearer sandbox"}
KLAVIYO = {
    "Authorization": "Klaviyo-API-Key sandbox",
    "revision": "2026-07-15",
    "Content-Type": "application/vnd.api+json",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


def post(running: Sandbox, path: str, **how: Any) -> requests.Response:
    return requests.post(running.url + path, timeout=10, **how)


def contact(address: str, **properties: Any) -> dict[str, Any]:
    return {
        "id": address,
        "idProperty": "email",
        "properties": properties,
        "objectWriteTraceId": "t",
    }


@pytest.mark.parametrize("path", [UPSERT, JOBS, AUDIENCES])
def test_nobody_gets_in_without_a_token(running: Sandbox, path: str) -> None:
    assert post(running, path, json={}).status_code == 401


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "at least one element"),
        ([contact(f"p{n}@example.com") for n in range(101)], "maximum number of inputs"),
        ([contact("a@example.com"), contact("A@example.com")], "Duplicate IDs"),
        ([contact("a@example.com", count=3)], "must be strings"),
        ([{**contact("a@example.com"), "idProperty": "phone"}], "must be email"),
        ([{"properties": {}}], "no id"),
        ([{"id": "a@example.com", "idProperty": "email"}], "no properties"),
    ],
)
def test_hubspot_refuses_a_batch(running: Sandbox, inputs: Any, message: str) -> None:
    answered = post(running, UPSERT, json={"inputs": inputs}, headers=BEARER)
    assert answered.status_code == 400
    assert answered.json()["category"] == "VALIDATION_ERROR"
    assert message in answered.json()["message"]


def test_hubspot_refuses_single_contacts(running: Sandbox) -> None:
    first = [contact("one@example.com"), contact("two@example.com")]
    assert post(running, UPSERT, json={"inputs": first}, headers=BEARER).status_code == 200
    inputs = [
        contact("one@example.com", email="two@example.com"),
        contact("three@example.com", email="no address"),
        contact("four@example.com", firstname="Four"),
    ]
    answered = post(running, UPSERT, json={"inputs": inputs}, headers=BEARER)
    assert answered.status_code == 207
    body = answered.json()
    assert [error["category"] for error in body["errors"]] == ["CONFLICT", "VALIDATION_ERROR"]
    assert body["numErrors"] == 2
    assert [item["properties"]["email"] for item in body["results"]] == ["four@example.com"]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        (JOBS, {}, KLAVIYO, 400),
        (JOBS, {}, {**KLAVIYO, "revision": ""}, 400),
        (JOBS, {}, {**KLAVIYO, "Content-Type": "application/json"}, 415),
        ("/klaviyo/api/lists", {"data": {"attributes": {}}}, KLAVIYO, 400),
        ("/klaviyo/api/lists/L9/relationships/profiles", {"data": []}, KLAVIYO, 404),
        # Subscriptions are not served: whoever asks for them has lost the way.
        ("/klaviyo/api/profile-subscription-bulk-create-jobs", {}, KLAVIYO, 404),
    ],
)
def test_klaviyo_refuses(
    running: Sandbox, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    answered = post(running, path, data=json.dumps(body), headers=headers)
    assert answered.status_code == status
    assert set(answered.json()["errors"][0]) >= {"id", "code", "title", "detail"}


def test_klaviyo_reports_the_profiles_it_could_not_import(running: Sandbox) -> None:
    profiles = [
        {"type": "profile", "attributes": {"email": "ok@example.com"}},
        {"type": "profile", "attributes": {"first_name": "No address"}},
        {"type": "profile", "attributes": {"email": "x@example.com", "phone_number": "12"}},
    ]
    body = {"data": {"type": "x", "attributes": {"profiles": {"data": profiles}}}}
    answered = post(running, JOBS, data=json.dumps(body), headers=KLAVIYO)
    assert answered.status_code == 202
    url = f"{running.url}{JOBS}/{answered.json()['data']['id']}"
    seen = [requests.get(url, headers=KLAVIYO, timeout=10).json()["data"] for _ in range(2)]
    assert [item["attributes"]["status"] for item in seen] == ["processing", "complete"]
    assert seen[1]["attributes"]["failed_count"] == 2
    errors = requests.get(f"{url}/import-errors", headers=KLAVIYO, timeout=10).json()["data"]
    pointers = [error["attributes"]["source"]["pointer"] for error in errors]
    assert pointers == [
        "/data/attributes/profiles/data/1/attributes/email",
        "/data/attributes/profiles/data/2/attributes/phone_number",
    ]


def test_meta_counts_rows_it_cannot_read(running: Sandbox) -> None:
    form = {"name": "A", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
    key = post(running, AUDIENCES, data=form, headers=BEARER).json()["id"]
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    rows = [["a" * 64], ["ada@example.com"], [nothing], [""], ["a" * 64, ""]]
    payload = json.dumps({"schema": ["EMAIL"], "data": rows})
    answered = post(
        running, f"/meta/v26.0/{key}/users", data={"payload": payload}, headers=BEARER
    ).json()
    assert (answered["num_received"], answered["num_invalid_entries"]) == (5, 4)
    assert running.state("meta")["audiences"]["A"]["size"] == 1


@pytest.mark.parametrize(
    ("path", "form", "message"),
    [
        (AUDIENCES, {}, "name is required"),
        (AUDIENCES, {"name": "A"}, "customer_file_source"),
        ("/meta/v26.0/1/users", {}, "does not exist"),
    ],
)
def test_meta_refuses(running: Sandbox, path: str, form: dict[str, str], message: str) -> None:
    answered = post(running, path, data=form, headers=BEARER)
    assert answered.status_code == 400
    assert message in answered.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("no json", 400),
        ({"records": []}, 400),
        ({"sync": "s", "records": [{"operation": "grow", "key": "1"}]}, 422),
        ({"sync": "s", "records": [{"operation": "append", "key": "1", "fields": {}}]}, 200),
    ],
)
def test_the_webhook_looks_at_what_it_gets(running: Sandbox, body: Any, status: int) -> None:
    data = body if isinstance(body, str) else json.dumps(body)
    assert post(running, "/webhook", data=data).status_code == status
