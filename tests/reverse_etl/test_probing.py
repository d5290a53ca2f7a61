"""``check --connect``: one cheap question to each channel, and what its answer means in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from reverse_etl.channel.exchange import Response
from reverse_etl.checking import app as checks
from reverse_etl.contract.project import Project
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.delivery.http import Patience
from reverse_etl.readback.probing import Probed, probe_syncs
from reverse_etl.sandbox import running_sandbox
from tests.reverse_etl.loopback import Told, loopback
from tests.reverse_etl.world import World, people

HURRIED = Patience(attempts=1, seconds=1.0, first_wait=0.01, connect_timeout=0.5, read_timeout=0.3)
LACKING = {
    "status": "error",
    "category": "MISSING_SCOPES",
    "message": "This app hasn't been granted all required scopes to make this call.",
    "errors": [{"context": {"requiredGranularScopes": ["crm.objects.contacts.read"]}}],
}


@pytest.fixture
def declared(world: World) -> World:
    columns = {"person_id": "string", "email": "string"}
    world.declare(
        "crm_contacts", "upsert", destination="hubspot", object="contacts", columns=columns
    )
    return world


def asked(told: Told, monkeypatch: pytest.MonkeyPatch) -> Probed:
    with loopback(lambda _: told) as vendor:
        monkeypatch.setenv("HUBSPOT_URL", vendor.url)
        (found,) = probe_syncs(Project.load(), ["crm_contacts"], HURRIED)
        assert {(each.method, each.path) for each in vendor.asked} == {
            ("GET", "/crm/v3/objects/contacts")
        }
        assert all(each.headers["authorization"] == "Bearer sandbox" for each in vendor.asked)
    return found


def test_a_good_connection_is_good(declared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(Told(200, {"results": []}), monkeypatch)
    assert (found.status, found.detail) == ("good", "")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(401, {"message": "expired"}), "does not accept HUBSPOT_TOKEN: it is wrong, expired"),
        (Told(403, LACKING), "does not let it use contacts; grant crm.objects.contacts.read"),
        (Told(403, LACKING), "MISSING_SCOPES: This app hasn't been granted all required scopes"),
        (Told(404, b"<html>"), "HubSpot answered 404; check HUBSPOT_URL"),
        (Told(503), "does not answer (503"),
        (Told(429), "asks to wait (429: too many requests); try again later"),
        (Told(200, after=0.6), "does not answer (no answer in time)"),
        (Told(0), "does not answer (the connection was lost)"),
    ],
)
def test_a_bad_connection_says_what_to_do(
    declared: World, monkeypatch: pytest.MonkeyPatch, told: Told, words: str
) -> None:
    found = asked(told, monkeypatch)
    assert found.status == "bad"
    assert words in found.detail
    assert "sandbox" not in found.detail.lower()


def test_a_sandbox_that_is_not_open_is_said_to_be(
    declared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback(lambda _: Told(200)) as gone:
        monkeypatch.setenv("SEAMLINE_SANDBOX_URL", gone.url)
    (found,) = probe_syncs(Project.load(), ["crm_contacts"], HURRIED)
    assert found.status == "bad"
    assert "no connection: is the sandbox open? `make sandbox` opens it" in found.detail


def test_a_store_is_read_and_says_why_it_cannot_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("copies", "mirror", destination="files", object="csv", match=None)
    (found,) = probe_syncs(Project.load(), ["copies"])
    assert (found.status, found.detail) == ("good", "")
    world.declare("rows", "mirror", destination="postgres", object="rows", match=None)
    monkeypatch.setenv("POSTGRES_URL", "postgresql://nobody@127.0.0.1:9/none")
    (found,) = probe_syncs(Project.load(), ["rows"])
    assert found.status == "bad"
    assert found.detail.startswith("PostgreSQL does not let us in: ")


def test_a_channel_that_cannot_be_asked_is_not_said_to_be_good(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare("notices", "upsert", destination="webhook", object="records")
    with loopback(lambda _: Told(200)) as vendor:
        monkeypatch.setenv("WEBHOOK_URL", vendor.url)
        (found,) = probe_syncs(Project.load(), ["notices"])
        assert not vendor.asked
    assert found.status == "unasked"
    assert found.detail == (
        "Not checked: Webhook has no call for records that delivers nothing; only a sync shows "
        "whether it accepts WEBHOOK_TOKEN and WEBHOOK_SECRET."
    )


def test_a_connection_is_asked_once_for_each_object(
    declared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared.declare("more", "upsert", destination="hubspot", object="contacts")
    with loopback(lambda _: Told(200, {"results": []})) as vendor:
        monkeypatch.setenv("HUBSPOT_URL", vendor.url)
        assert len(probe_syncs(Project.load(), ["crm_contacts", "more"], HURRIED)) == 1
        assert len(vendor.asked) == 1


def test_the_command_ends_with_1_where_a_channel_does_not_let_us_in(
    declared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for told, code in ((Told(200, {}), 0), (Told(401, {}), 1)):
        with loopback(lambda _, told=told: told) as vendor:  # type: ignore[misc]
            monkeypatch.setenv("HUBSPOT_URL", vendor.url)
            result = CliRunner().invoke(_composed(), ["check", "--connect", "--json"])
        assert result.exit_code == code
        (row,) = json.loads(result.stdout)
        assert row["status"] == ("good", "bad")[code]


def test_the_sandbox_lets_everyone_in(declared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    declared.contacts(people(1))
    with running_sandbox() as sandbox:
        monkeypatch.setenv("SEAMLINE_SANDBOX_URL", sandbox.url)
        (found,) = probe_syncs(Project.load(), ["crm_contacts"], HURRIED)
    assert found.status == "good"


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"category": "X", "message": "no"}, "X", "no"),
        (
            {"type": "t", "title": "Invalid Resource", "detail": "it looks fake"},
            "Invalid Resource",
            "it looks fake",
        ),
        (
            {
                "errors": [
                    {"code": "invalid", "title": "T", "detail": "bad", "source": {"pointer": "/a"}}
                ]
            },
            "invalid",
            "/a: bad",
        ),
        ({"errors": [{"field": "email", "message": "is taken"}]}, "http_400", "email: is taken"),
        ({"errors": ["plain"]}, "http_400", "plain"),
        ({"error": {"code": 100, "message": "Invalid parameter"}}, "100", "Invalid parameter"),
        ({"error": "RecordNotFound", "description": "Not found"}, "RecordNotFound", "Not found"),
        ([{"errorCode": "DUPLICATE", "message": "twice"}], "DUPLICATE", "twice"),
        ({"msg": "who@example.com", "code": "Bad"}, "Bad", "w***@example.com"),
        (None, "http_400", "The channel cannot read the request."),
        ([], "http_400", "The channel cannot read the request."),
        (7, "http_400", "The channel cannot read the request."),
    ],
)
def test_every_shape_of_error_has_a_code_and_words(body: Any, code: str, reason: str) -> None:
    response = Response(400, {}, json.dumps(body).encode())
    assert complaint_of(response) == (code, reason)


def test_a_channels_own_words_come_first() -> None:
    response = Response(400, {}, b'{"code": "E1", "message": "ctx invalid"}')
    assert (
        complaint_of(response, {"E1": "The list is gone."})[1] == "The list is gone. (ctx invalid)"
    )


def _composed() -> typer.Typer:
    app = typer.Typer()
    app.add_typer(checks)
    app.callback()(lambda: None)
    return app
