"""Klaviyo's, Customer.io's and Google's own clients as second judges of what we send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.reverse_etl.destinations.driver import SETTINGS
from tests.reverse_etl.destinations.golden import Case
from tests.reverse_etl.destinations.test_official_clients import case_of, said
from tests.reverse_etl.loopback import Asked, Loopback, Told, loopback

Spoken = Callable[[Any, Any], Any]


@pytest.fixture
def vendor() -> Iterator[Loopback]:
    with loopback(lambda asked: Told(200, {})) as server:
        yield server


KLAVIYO: list[tuple[str, int, Spoken]] = [
    ("profiles-upsert-add", 0, lambda c, b: c.Profiles.bulk_import_profiles(b)),
    ("profiles-upsert-add", 1, lambda c, b: c.Profiles.get_bulk_import_profiles_job("J1")),
    (
        "profiles-upsert-add",
        2,
        lambda c, b: c.Profiles.get_errors_for_bulk_import_profiles_job("J1", page_size=100),
    ),
    ("profiles-upsert-change", 0, lambda c, b: c.Profiles.bulk_import_profiles(b)),
    ("list_members-audience-add", 0, lambda c, b: c.Profiles.bulk_import_profiles(b)),
    (
        "list_members-audience-change",
        0,
        lambda c, b: c.Profiles.get_profiles(
            filter='any(email,["ada.old@example.com"])', page_size=100
        ),
    ),
    ("list_members-audience-remove", 1, lambda c, b: c.Lists.remove_profiles_from_list("L1", b)),
    ("events-append-append", 0, lambda c, b: c.Events.create_event(b)),
    ("deletions-append-append", 0, lambda c, b: c.Data_Privacy.request_profile_deletion(b)),
]


@pytest.mark.parametrize(
    ("name", "step", "speak"), KLAVIYO, ids=[f"{each[0]}-{each[1]}" for each in KLAVIYO]
)
def test_klaviyos_client_sends_the_same(
    vendor: Loopback, name: str, step: int, speak: Spoken
) -> None:
    """It reads a body into its own typed models and writes it again: what they do not know goes."""
    module = pytest.importorskip("klaviyo_api", reason="klaviyo-api is not installed")
    client = module.KlaviyoAPI(SETTINGS["TOKEN"], max_retries=1, test_host=vendor.url)
    case = case_of("klaviyo", name)
    exchange = case.exchanges[step]
    asked = said(vendor, lambda: speak(client, exchange.content))
    assert (asked.method, asked.path.rstrip("/")) == (exchange.method, exchange.path)
    assert asked.params == exchange.params
    # It writes instants with an offset of nothing, where we write a Z, and a default of events.
    written = json.loads(asked.body.replace(b"+00:00", b"Z") or b"null")
    if name.startswith("events"):
        assert written["data"]["attributes"].pop("backfill") is False
    assert written == exchange.content
    ours = {name.lower(): value for name, value in case.channel.headers(case.settings).items()}
    assert asked.headers["authorization"] == ours["authorization"]
    # The client is newer or older than the revision that we speak; both name one.
    assert "revision" in asked.headers and "revision" in ours


def test_klaviyos_client_refuses_what_is_not_in_its_models(vendor: Loopback) -> None:
    module = pytest.importorskip("klaviyo_api", reason="klaviyo-api is not installed")
    client = module.KlaviyoAPI(SETTINGS["TOKEN"], max_retries=1, test_host=vendor.url)
    wrong = json.loads(json.dumps(case_of("klaviyo", "events-append-append").exchanges[0].content))
    wrong["data"]["type"] = "happening"
    with pytest.raises(ValueError, match="happening"):
        client.Events.create_event(wrong)
    assert not vendor.asked


def as_batched(asked: Asked, action: str) -> dict[str, Any]:
    """A request of the client's, which speaks API v1, as API v2 says the same in a batch.

    v1 names the person in the path and a request does one thing; an event's ``data`` are the
    ``attributes`` of v2.
    """
    parts = asked.path.split("/")
    body = asked.json or {}
    said = {"type": "person", "identifiers": {"id": parts[4]}, "action": action}
    if action == "identify":
        return {**said, "attributes": body}
    if action == "event":
        return {**said, "attributes": body.pop("data"), **body}
    return said


CUSTOMERIO: dict[str, Spoken] = {
    "people-upsert-add": lambda c, e: c.identify(e["identifiers"]["id"], **e["attributes"]),
    "people-upsert-change": lambda c, e: c.identify(e["identifiers"]["id"], **e["attributes"]),
    "people-mirror-remove": lambda c, e: c.delete(e["identifiers"]["id"]),
    "events-append-append": lambda c, e: c.track(
        e["identifiers"]["id"], e["name"], e["attributes"], id=e["id"], timestamp=e["timestamp"]
    ),
}


@pytest.mark.parametrize("name", CUSTOMERIO)
def test_customerios_client_says_the_same_of_a_person(vendor: Loopback, name: str) -> None:
    case, client = customerio_client(vendor, name)
    entry = case.exchanges[0].content["batch"][0]
    asked = said(vendor, lambda: CUSTOMERIO[name](client, entry))
    assert as_batched(asked, entry["action"]) == entry
    assert asked.method == {"identify": "PUT", "delete": "DELETE", "event": "POST"}[entry["action"]]
    assert asked.headers["authorization"] == case.channel.headers(case.settings)["Authorization"]


@pytest.mark.parametrize("name", CUSTOMERIO)
def test_customerios_client_sends_batches_as_we_do(vendor: Loopback, name: str) -> None:
    """It passes entries on as they are, and knows no segments; those its contract judges."""
    case, client = customerio_client(vendor, name)
    send = client.send_request  # the client knows no batches but to https
    client.send_request = lambda method, url, data: send(method, url.replace("https", "http"), data)
    exchange = case.exchanges[0]
    asked = said(vendor, lambda: client.batch(exchange.content["batch"]))
    assert (asked.method, asked.path, asked.json) == (
        exchange.method,
        exchange.path,
        exchange.content,
    )


def customerio_client(vendor: Loopback, name: str) -> tuple[Case, Any]:
    module = pytest.importorskip("customerio", reason="customerio is not installed")
    case = case_of("customerio", name)
    at = urlsplit(vendor.url)
    client = module.CustomerIO(
        case.settings["SITE_ID"], case.settings["API_KEY"], at.hostname, port=at.port, retries=0
    )
    client.base_url = f"{vendor.url}/api/v1"
    return case, client


GOOGLE = [
    ("add", 0, "ingest_audience_members", "IngestAudienceMembersRequest"),
    ("change", 0, "remove_audience_members", "RemoveAudienceMembersRequest"),
    ("remove", 0, "remove_audience_members", "RemoveAudienceMembersRequest"),
]


@pytest.mark.parametrize(("name", "step", "call", "model"), GOOGLE, ids=[g[0] for g in GOOGLE])
def test_googles_client_sends_the_same(
    vendor: Loopback, name: str, step: int, call: str, model: str
) -> None:
    """It reads our body into its own message types, which refuse what they do not know.

    It writes the names of enums as their numbers, which its own types turn back.
    """
    exchange = case_of("google", f"customer_match_members-audience-{name}").exchanges[step]
    client, messages = google_client(vendor)
    kind = getattr(messages, model)
    request = kind.from_json(json.dumps(exchange.content))
    asked = said(vendor, lambda: getattr(client, call)(request=request))
    assert (asked.method, asked.path) == (exchange.method, f"/v1{exchange.path}")
    named = kind.to_json(
        kind.from_json(asked.body),
        use_integers_for_enums=False,
        always_print_fields_with_no_presence=False,
    )
    assert json.loads(named) == exchange.content


def test_googles_client_refuses_what_its_messages_do_not_know(vendor: Loopback) -> None:
    content = case_of("google", "customer_match_members-audience-add").exchanges[0].content
    _, messages = google_client(vendor)
    for wrong in ({**content, "encoding": "BASE32"}, {**content, "members": []}):
        with pytest.raises(Exception, match=r"BASE32|members"):
            messages.IngestAudienceMembersRequest.from_json(json.dumps(wrong))


def google_client(vendor: Loopback) -> tuple[Any, Any]:
    messages = pytest.importorskip(
        "google.ads.datamanager_v1", reason="google-ads-datamanager is not installed"
    )
    from google.ads.datamanager_v1.services.ingestion_service.transports import (  # noqa: PLC0415
        IngestionServiceRestTransport,
    )
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    transport = IngestionServiceRestTransport(
        host=urlsplit(vendor.url).netloc, url_scheme="http", credentials=AnonymousCredentials()
    )
    return messages.IngestionServiceClient(transport=transport), messages
