"""LinkedIn's own client as second judge, where it is installed: `pip install linkedin-api-client`.

It is no development dependency: its licence is for whoever has an agreement with LinkedIn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.reverse_etl.destinations.golden import Exchange, exchange_of, golden
from tests.reverse_etl.destinations.test_official_clients import case_of, said
from tests.reverse_etl.loopback import Loopback, Told, loopback

constants = pytest.importorskip(
    "linkedin_api.common.constants",
    reason="linkedin-api-client is not installed: its licence asks for an agreement with LinkedIn",
)

CASE = case_of("linkedin", "segment_users-audience-change")
HOW = {"access_token": CASE.settings["TOKEN"], "version_string": CASE.settings["VERSION"]}
Spoken = Callable[[Any, Exchange], Any]


def add_users(client: Any, exchange: Exchange) -> Any:
    path, keys = "/dmpSegments/{id}/users", {"id": 88}
    entities = exchange.content["elements"]
    return client.batch_create(resource_path=path, path_keys=keys, entities=entities, **HOW)


def find(client: Any, exchange: Exchange) -> Any:
    params = {name: value for name, value in exchange.params.items() if name != "q"}
    finder = exchange.params["q"]
    return client.finder(
        resource_path="/dmpSegments", finder_name=finder, query_params=params, **HOW
    )


def create(client: Any, exchange: Exchange) -> Any:
    return client.create(resource_path="/dmpSegments", entity=exchange.content, **HOW)


def get(client: Any, exchange: Exchange) -> Any:
    keys = {"id": exchange.path.rpartition("/")[2]}
    return client.get(resource_path="/dmpSegments/{id}", path_keys=keys, **HOW)


def asked_for() -> Iterator[tuple[str, Exchange, Spoken]]:
    """Every kind of request that the golden conversations hold."""
    for number, exchange in enumerate(CASE.exchanges):
        yield f"users-{number}", exchange, add_users
    (made,) = (each for each in golden("linkedin")["prepare"] if len(each["exchanges"]) > 1)
    for name, written, speak in zip(
        ("find", "create", "get"), made["exchanges"], (find, create, get), strict=False
    ):
        yield name, exchange_of(written), speak


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with loopback(lambda asked: Told(200, {"elements": []})) as server:
        monkeypatch.setattr(constants, "VERSIONED_BASE_URL", f"{server.url}/rest")
        yield server


@pytest.mark.parametrize(
    ("exchange", "speak"), [each[1:] for each in asked_for()], ids=[each[0] for each in asked_for()]
)
def test_linkedins_client_sends_the_same(
    vendor: Loopback, exchange: Exchange, speak: Spoken
) -> None:
    from linkedin_api.clients.restli.client import RestliClient  # noqa: PLC0415

    asked = said(vendor, lambda: speak(RestliClient(), exchange))
    assert (asked.method, asked.path) == (exchange.method, exchange.path)
    assert asked.params == exchange.params
    assert asked.json == exchange.content
    ours = {name.lower(): value for name, value in CASE.channel.headers(CASE.settings).items()}
    assert {name: asked.headers[name] for name in ours} == ours
    # Of methods, LinkedIn needs to be told one alone: a POST of many is no POST of one.
    assert (asked.headers["x-restli-method"] == "BATCH_CREATE") == (speak is add_users)


def test_linkedin_is_told_that_many_users_come_at_once() -> None:
    request = next(CASE.channel.converse(CASE.batch()))
    assert request.headers["X-RestLi-Method"] == "BATCH_CREATE"
