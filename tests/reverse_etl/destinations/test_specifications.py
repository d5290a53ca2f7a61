"""Every golden request, held to the vendor's own specification, or to ours of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from reverse_etl.channel.exchange import Request
from tests.reverse_etl.destinations.golden import Case, golden
from tests.reverse_etl.destinations.test_every_conversation import ALL, content_of, requests_of

CONTRACTS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "normalised"
# Where a vendor has no specification for others to use: what we know of it, written down by us.
SCHEMAS = Path(__file__).parent / "schemas"

JUDGED = [case for case in ALL if "contract" in golden(case.channel.slug)]
SLUGS = sorted({case.channel.slug for case in JUDGED})


@pytest.fixture(scope="module")
def specifications() -> dict[str, Any]:
    openapi_core = pytest.importorskip("openapi_core", reason="openapi-core is not installed")
    found = {}
    for slug in SLUGS:
        contract = golden(slug)["contract"]
        path = SCHEMAS / contract["own"] if "own" in contract else CONTRACTS / contract["file"]
        if path.exists() or "own" in contract:
            found[slug] = openapi_core.OpenAPI.from_dict(yaml.safe_load(path.read_text()))
    return found


def judge(specification: Any, slug: str, case: Case, request: Request | dict[str, Any]) -> None:
    from openapi_core.contrib.requests import RequestsOpenAPIRequest  # noqa: PLC0415

    if specification is None:
        pytest.skip(f"the vendors' specifications are not at {CONTRACTS}")
    contract = golden(slug)["contract"]
    if isinstance(request, dict):
        method, path = request["ask"].split(" ", 1)
        headers = request.get("headers", {})
        request = Request(method, path, json=request.get("json"), headers=headers)  # type: ignore[arg-type]
    path = request.path.removeprefix(contract.get("prefix", ""))
    headers = {**case.channel.headers(case.settings), **request.headers}
    headers.setdefault("Content-Type", "application/json")
    prepared = requests.Request(
        request.method,
        contract["base"] + path,
        headers=headers,
        params=dict(request.params),
        data=None if request.json is None else json.dumps(content_of(request)),
    ).prepare()
    specification.validate_request(RequestsOpenAPIRequest(prepared))


@pytest.mark.parametrize("slug", SLUGS)
def test_the_canary_is_refused(specifications: dict[str, Any], slug: str) -> None:
    from openapi_core.exceptions import OpenAPIError  # noqa: PLC0415

    case = next(case for case in JUDGED if case.channel.slug == slug)
    canaries = golden(slug)["contract"]["canaries"]
    assert canaries
    for canary in canaries:
        with pytest.raises(OpenAPIError):
            judge(specifications.get(slug), slug, case, canary)


@pytest.mark.parametrize(
    "case", JUDGED, ids=[f"{case.channel.slug}-{case.name}" for case in JUDGED]
)
def test_every_request_keeps_the_vendors_contract(
    specifications: dict[str, Any], case: Case
) -> None:
    slug = case.channel.slug
    absent = golden(slug)["contract"].get("absent", [])
    for request in requests_of(case) if case.exchanges else []:
        if f"{request.method} {request.path}" not in absent:
            judge(specifications.get(slug), slug, case, request)
