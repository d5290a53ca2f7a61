"""Klaviyo's own specification judges our requests, and the stand-in's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from reverse_etl.destinations.klaviyo import destination
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.destinations.driver import Wire, batch, records

openapi_core = pytest.importorskip("openapi_core", reason="openapi-core is not installed")

SPECIFICATION = (
    Path(__file__).resolve().parents[4] / "shared" / "contracts" / "normalised" / "klaviyo.json"
)
VENDOR = "https://a.klaviyo.com"
HEADERS = destination.headers({"TOKEN": "pk_test"})
# The slice has no operations on lists themselves, only on their members.
NOT_IN_THE_SLICE = {("GET", "/api/lists"), ("POST", "/api/lists")}

JOBS = "/api/profile-bulk-import-jobs"
MEMBERS = "/api/lists/L00001/relationships/profiles"


@pytest.fixture(scope="module")
def specification() -> Any:
    if not SPECIFICATION.exists():
        pytest.skip(f"Klaviyo's specification is not at {SPECIFICATION}")
    return openapi_core.OpenAPI.from_dict(json.loads(SPECIFICATION.read_text()))


def at_vendor(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """The same request, addressed to the vendor."""
    moved = request.copy()
    moved.url = VENDOR + request.path_url.removeprefix("/klaviyo")
    return moved


def judge_request(specification: Any, request: requests.PreparedRequest) -> None:
    from openapi_core.contrib.requests import RequestsOpenAPIRequest  # noqa: PLC0415

    specification.validate_request(RequestsOpenAPIRequest(at_vendor(request)))


def judge_response(specification: Any, response: requests.Response) -> None:
    from openapi_core.contrib.requests import (  # noqa: PLC0415
        RequestsOpenAPIRequest,
        RequestsOpenAPIResponse,
    )

    specification.validate_response(
        RequestsOpenAPIRequest(at_vendor(response.request)), RequestsOpenAPIResponse(response)
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", JOBS, {}, HEADERS),
        ("POST", JOBS, {"data": {"type": "profile", "attributes": {}}}, HEADERS),
        ("DELETE", MEMBERS, {"data": [{"type": "person", "id": "P1"}]}, HEADERS),
        ("GET", "/api/profiles?page[size]=101", None, HEADERS),
        ("GET", f"{JOBS}/J1", None, {**HEADERS, "Authorization": None}),
        ("GET", f"{JOBS}/J1/import-errors?page[size]=0", None, HEADERS),
    ],
)
def test_the_canary_is_refused(
    specification: Any, method: str, path: str, body: Any, headers: dict[str, Any]
) -> None:
    data = None if body is None else json.dumps(body)
    request = requests.Session().prepare_request(
        requests.Request(method, VENDOR + path, headers=headers, data=data)
    )
    with pytest.raises(openapi_core.exceptions.OpenAPIError):
        judge_request(specification, request)


def test_a_broken_answer_is_refused(specification: Any, running: Sandbox) -> None:
    wire = drive(running)
    answered = next(item for item in wire.answered if item.request.path_url.endswith(JOBS))
    answered._content = b'{"data": {"type": "profile-bulk-import-job", "id": 7}}'
    with pytest.raises(openapi_core.exceptions.OpenAPIError):
        judge_response(specification, answered)


def drive(running: Sandbox) -> Wire:
    """Everything the destination can say: make a list, join, fail, change, move, leave."""
    wire = Wire(destination, running.url)
    audience = wire.prepare("list_members", "abandoned_cart", "Abandoned cart")
    full = {
        "email": "ada@example.com",
        "phone_number": "+442079460958",
        "external_id": "person-1",
        "first_name": "Ada",
        "last_name": None,
        "organization": "Example Ltd",
        "title": "Buyer",
        "locale": "en-GB",
        "properties": '{"items": [{"product_name": "Shirt", "quantity": 2}], "cart_value": 78.0}',
    }
    wrong = {"email": "grace@example.com", "phone_number": "12"}
    wire.converse(batch(records("add", [full, wrong]), "list_members", audience=audience))
    moved = {**full, "email": "ada.new@example.com"}
    sent = {"email": "ada@example.com"}
    wire.converse(batch(records("change", [moved], p1=sent), "list_members", audience=audience))
    wire.converse(batch(records("remove", [moved]), "list_members", audience=audience))
    return wire


def test_every_request_and_answer_keeps_the_contract(specification: Any, running: Sandbox) -> None:
    wire = drive(running)
    judged = set()
    for request, response in zip(wire.sent, wire.answered, strict=True):
        path = request.path_url.removeprefix("/klaviyo").split("?")[0]
        if (request.method, path) in NOT_IN_THE_SLICE:
            continue
        judge_request(specification, request)
        judge_response(specification, response)
        judged.add((request.method, path.split("/")[2], path.rsplit("/", 1)[-1][0].isupper()))
    assert judged == {
        ("POST", "profile-bulk-import-jobs", False),
        ("GET", "profile-bulk-import-jobs", True),
        ("GET", "profile-bulk-import-jobs", False),
        ("GET", "profiles", False),
        ("DELETE", "lists", False),
    }


@pytest.mark.parametrize("fault", ["rate_limit", "error_before"])
def test_the_stand_ins_errors_keep_the_contract(
    specification: Any, running: Sandbox, fault: str
) -> None:
    running.fail("klaviyo", fault)
    url = f"{running.url}/klaviyo{JOBS}"
    judge_response(specification, requests.get(f"{url}/J1", headers=HEADERS, timeout=10))
    for headers in ({}, HEADERS):
        answered = requests.post(url, json={}, headers=headers, timeout=10)
        assert 400 <= answered.status_code < 500
        judge_response(specification, answered)
