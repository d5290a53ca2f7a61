"""Every golden request, held to the vendor's own specification, or to ours of it.

Where a vendor has no specification for others to use, or leaves out what we call, ``schemas/``
holds what we know of it; the answers that golden files are made of are held to it as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from reverse_etl.channel.destination import Destination
from reverse_etl.channel.exchange import Refused, Request, Response
from tests.reverse_etl.destinations.contents import content_of
from tests.reverse_etl.destinations.discovery import as_openapi
from tests.reverse_etl.destinations.golden import Case, exchange_of, golden
from tests.reverse_etl.destinations.test_every_conversation import ALL, requests_of
from tests.reverse_etl.destinations.test_preparations import (
    INSPECTED,
    PREPARED,
    SCOPED,
    creations,
    inspected,
)

openapi_core = pytest.importorskip("openapi_core", reason="openapi-core is not installed")

CONTRACTS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "normalised"
SCHEMAS = Path(__file__).parent / "schemas"

JUDGED = [case for case in ALL if "contract" in golden(case.channel.slug)]
CHANNELS = {case.channel.slug: case.channel for case in JUDGED}
VENDORS_OWN = ("file", "discovery")


@pytest.fixture(scope="module")
def specifications() -> dict[str, list[Any]]:
    """Return the specifications by channel, ours before the vendor's."""
    found: dict[str, list[Any]] = {}
    for slug in CHANNELS:
        contract = golden(slug)["contract"]
        paths = [SCHEMAS / contract["own"]] if "own" in contract else []
        if "file" in contract and CONTRACTS.exists():
            paths.append(CONTRACTS / contract["file"])
        read = [yaml.safe_load(path.read_text()) for path in paths]
        if "discovery" in contract and CONTRACTS.exists():
            read.append(as_openapi(json.loads((CONTRACTS / contract["discovery"]).read_text())))
        found[slug] = [openapi_core.OpenAPI.from_dict(each) for each in read]
    return found


def prepared(channel: Destination, request: Request, settings: dict[str, str]) -> Any:
    """Return a request as it goes onto the wire."""
    from openapi_core.contrib.requests import RequestsOpenAPIRequest  # noqa: PLC0415

    headers = {**channel.headers(settings), **request.headers}
    body: Any = request.body
    if request.json is not None:
        body = json.dumps(content_of(request))
        headers.setdefault("Content-Type", "application/json")
    elif request.form is not None:
        body = dict(request.form)
    contract = golden(channel.slug)["contract"]
    return RequestsOpenAPIRequest(
        requests.Request(
            request.method,
            contract["base"] + request.path.removeprefix(contract.get("prefix", "")),
            headers=headers,
            params=dict(request.params),
            data=body,
        ).prepare()
    )


def judge(
    known: list[Any],
    channel: Destination,
    request: Request,
    settings: dict[str, str],
    answer: Response | None = None,
) -> None:
    """Hold a request to the first specification that knows its path; its answer to ours alone."""
    from openapi_core.templating.paths.exceptions import PathError  # noqa: PLC0415
    from openapi_core.testing import MockResponse  # noqa: PLC0415

    contract = golden(channel.slug)["contract"]
    asked = prepared(channel, request, settings)
    for place, specification in enumerate(known):
        try:
            specification.validate_request(asked)
        except PathError:
            continue
        is_ours = place == 0 and "own" in contract and not contract.get("abridged")
        if answer is not None and is_ours:
            kind = answer.headers["content-type"]
            specification.validate_response(
                asked, MockResponse(answer.body, answer.status, content_type=kind)
            )
        return
    if not CONTRACTS.exists() and not set(VENDORS_OWN).isdisjoint(contract):
        pytest.skip(f"the vendors' specifications are not at {CONTRACTS}")
    raise openapi_core.exceptions.OpenAPIError(f"nobody knows {request.method} {request.path}")


def canaries(slug: str) -> Iterator[Request]:
    for written in golden(slug)["contract"]["canaries"]:
        method, path = written["ask"].split(" ", 1)
        form = {
            name: json.dumps(value) if isinstance(value, dict) else value
            for name, value in written.get("form", {}).items()
        }
        yield Request(
            method,
            path,
            json=written.get("json"),
            form=form or None,
            body=written["body"].encode() if "body" in written else None,
            headers=written.get("headers", {}),
        )


def settings_of(slug: str) -> dict[str, str]:
    return next(case.settings for case in JUDGED if case.channel.slug == slug)


@pytest.mark.parametrize("slug", CHANNELS)
def test_the_canary_is_refused(specifications: dict[str, list[Any]], slug: str) -> None:
    found = list(canaries(slug))
    assert found
    for canary in found:
        with pytest.raises(openapi_core.exceptions.OpenAPIError):
            judge(specifications[slug], CHANNELS[slug], canary, settings_of(slug))


def test_every_operation_that_we_describe_ourselves_has_a_canary() -> None:
    """A schema that refuses nothing proves nothing; a look-up without a body has none to refuse."""
    for slug in CHANNELS:
        own = golden(slug)["contract"].get("own")
        described = yaml.safe_load((SCHEMAS / own).read_text())["paths"] if own else {}
        written = [f"{each.method} {each.path.split('?')[0]}" for each in canaries(slug)]
        for path, operations in described.items():
            for method in [name for name, each in operations.items() if "requestBody" in each]:
                pattern = re.sub(r"{\w+}", "[^/]+", path)
                wanted = re.compile(f"{method.upper()} .*{pattern}$")
                assert any(map(wanted.match, written)), f"{slug}: {method} {path} has no canary"


@pytest.mark.parametrize(
    "case", JUDGED, ids=[f"{case.channel.slug}-{case.name}" for case in JUDGED]
)
def test_every_request_keeps_the_contract(specifications: dict[str, list[Any]], case: Case) -> None:
    known = specifications[case.channel.slug]
    asked = requests_of(case) if case.exchanges else []
    for request, exchange in zip(asked, case.exchanges, strict=True):
        judge(known, case.channel, request, case.settings, exchange.answer)


LISTS = [each for each in PREPARED if each[0].slug in CHANNELS]


@pytest.mark.parametrize(
    ("channel", "written"), LISTS, ids=[f"{c.slug}-{w['label']}" for c, w in LISTS]
)
def test_every_request_for_a_list_keeps_the_contract(
    specifications: dict[str, list[Any]], channel: Destination, written: dict[str, Any]
) -> None:
    settings = settings_of(channel.slug)
    answers = [exchange_of(each).answer for each in written["exchanges"]]
    preparation = channel.prepare(written["object"], "an_audience", written["label"], settings)
    try:
        request = next(preparation)
        for answer in answers:
            judge(specifications[channel.slug], channel, request, settings, answer)
            request = preparation.send(answer)
    except (StopIteration, Refused):
        pass


@pytest.mark.parametrize(
    ("channel", "written"), INSPECTED, ids=[f"{c.slug}-{w['object']}" for c, w in INSPECTED]
)
def test_every_request_for_properties_keeps_the_contract(
    specifications: dict[str, list[Any]], channel: Destination, written: dict[str, Any]
) -> None:
    asked, missing = inspected(channel, written)
    answers = [exchange_of(each).answer for each in written["exchanges"]]
    for request, answer in zip(asked, answers, strict=True):
        judge(specifications[channel.slug], channel, request, settings_of(channel.slug), answer)
    for each in missing:
        for request in creations(each, written):
            judge(specifications[channel.slug], channel, request, settings_of(channel.slug))


@pytest.mark.parametrize("channel", SCOPED, ids=lambda channel: channel.slug)
def test_every_request_for_scopes_keeps_the_contract(
    specifications: dict[str, list[Any]], channel: Any
) -> None:
    settings = settings_of(channel.slug)
    (exchange,) = map(exchange_of, golden(channel.slug)["scopes"]["exchanges"])
    request = next(channel.scopes(settings))
    judge(specifications[channel.slug], channel, request, settings, exchange.answer)


PROBED = [
    (channel, each.name) for channel in CHANNELS.values() for each in channel.objects if each.probe
]


@pytest.mark.parametrize(
    ("channel", "name"), PROBED, ids=[f"{channel.slug}-{name}" for channel, name in PROBED]
)
def test_every_probe_keeps_the_contract(
    specifications: dict[str, list[Any]], channel: Destination, name: str
) -> None:
    (probe,) = (each.probe for each in channel.objects if each.name == name)
    assert probe is not None
    defaults = {setting.name: setting.default for setting in channel.settings}
    known = {**defaults, **settings_of(channel.slug)}
    asked = replace(probe.request, path=probe.request.path.format(**known))
    judge(specifications[channel.slug], channel, asked, known)


def test_every_channel_is_held_to_a_contract() -> None:
    assert set(CHANNELS) == {case.channel.slug for case in ALL}
