"""One clear error that names file, field and fix; nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reverse_etl.errors import SeamlineError
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people

FILE = r"models/activation/sync_contacts\.yml: exposure 'contacts': "


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        (
            {"destination": "nowhere"},
            r"config\.meta\.sync\.destination: .*'nowhere' does not exist; known: .*hubspot",
        ),
        (
            {"object": "people"},
            r"config\.meta\.sync\.object: Tester has no 'people'; known: things",
        ),
        ({"mode": "sideways"}, r"config\.meta\.sync: mode: Input should be 'upsert'"),
        ({"purpose": None}, r"config\.meta\.sync: purpose: is missing; add it"),
        ({"purpose": "fun"}, r"config\.meta\.sync\.purpose: 'fun' is not in purposes\.yml"),
        ({"key": None}, r"config\.meta\.sync: key: is missing; add it"),
        ({"key": []}, r"config\.meta\.sync: key: Tuple should have at least 1 item"),
        ({"key": ["nobody"]}, r"key: sync_contacts has no column 'nobody'"),
        ({"match": ["fax"]}, r"match: sync_contacts has no column 'fax'"),
        ({"guard": {}}, r"config\.meta\.sync: guard: is not known; remove it"),
        (
            {"guards": {"max_removed_fraction": 3}},
            r"config\.meta\.sync: guards\.max_removed_fraction: .*less than or equal to 1",
        ),
    ],
)
def test_a_malformed_declaration_is_refused(
    world: World, channel: Recorder, declared: dict[str, Any], complaint: str
) -> None:
    world.declare(**declared)
    world.contacts(people(2))
    with pytest.raises(SeamlineError, match=FILE + complaint):
        world.run()
    assert channel.times == []
    assert not (world.home / "sync.duckdb").exists()


def test_all_malformed_declarations_are_named_at_once(world: World) -> None:
    world.declare("contacts", destination="nowhere")
    world.declare("orders")
    world.declare("people", mode="sideways", purpose=None)
    with pytest.raises(SeamlineError) as refused:
        world.project()
    first, second = str(refused.value).splitlines()
    assert "models/activation/sync_contacts.yml: exposure 'contacts': " in first
    assert "config.meta.sync.destination" in first
    assert "models/activation/sync_people.yml: exposure 'people': " in second
    assert "mode: Input should be 'upsert'" in second and "purpose: is missing; add it" in second


def test_an_audience_needs_its_control_columns(world: World) -> None:
    world.declare("contacts", "audience", columns={"person_id": "string", "email": "string"})
    with pytest.raises(SeamlineError, match=r"lacks audience, audience_label, purpose"):
        world.project()


@pytest.mark.parametrize(
    ("destination", "kind", "column", "complaint"),
    [
        ("klaviyo", "profiles", "shoe_size", "klaviyo profiles takes no shoe_size; it takes: "),
        (
            "mailchimp",
            "members",
            "lifetime_value",
            "mailchimp members takes names of 10 characters at most; rename lifetime_value in",
        ),
    ],
)
def test_a_column_that_the_channel_cannot_take_is_named_before_anything_is_sent(
    world: World, destination: str, kind: str, column: str, complaint: str
) -> None:
    columns = {"person_id": "string", "email": "string", "first_name": "string"}
    world.declare("contacts", columns=columns, destination=destination, object=kind)
    assert world.project()
    world.declare("contacts", columns=columns | {column: "string"}, destination=destination,
                  object=kind)  # fmt: skip
    with pytest.raises(SeamlineError, match=FILE + "columns: " + complaint):
        world.project()


def test_a_sync_that_does_not_exist_is_named(world: World) -> None:
    world.declare()
    with pytest.raises(SeamlineError, match=r"no sync 'contact'; the manifest declares: contacts"):
        world.run("contact")


def test_a_live_target_needs_every_secret(
    world: World, channel: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()
    world.contacts(people(1))
    project = world.folder / "dbt_project" / "dbt_project.yml"
    project.write_text("vars: {live_targets: [production]}\n")
    monkeypatch.setenv("SEAMLINE_TARGET", "production")
    with pytest.raises(SeamlineError, match=r"TESTER_TOKEN is not set: .*Set it in the environ"):
        world.run()
    monkeypatch.setenv("TESTER_TOKEN", "s3cret")
    assert world.run().status == "done"
    assert channel.headers[0]["authorization"] == "Bearer s3cret"
    monkeypatch.delenv("TESTER_URL")
    connection = world.project().connection(world.project().sync("contacts"))
    assert (connection.base_url, connection.is_live) == ("https://tester.example.com", True)
    assert "s3cret" not in repr(connection)


@pytest.mark.parametrize(
    "url",
    [
        "https://tester.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com:80",
        "http://user@example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "http://0x7f000001",
    ],
)
def test_a_target_that_is_not_live_reaches_loopback_only(
    world: World, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    world.declare()
    world.contacts(people(1))
    monkeypatch.setenv("TESTER_URL", url)
    with pytest.raises(SeamlineError, match=r"TESTER_URL names .* 'demo' is not live"):
        world.run()


def test_without_an_address_the_sandbox_is_meant(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()
    monkeypatch.delenv("TESTER_URL")
    connection = world.project().connection(world.project().sync("contacts"))
    assert connection.base_url == "http://127.0.0.1:8799/tester"
    assert connection.settings == {"TOKEN": "sandbox"}


def test_missing_or_broken_files_are_named(world: World, tmp_path: Path) -> None:
    world.declare()
    purposes = world.folder / "dbt_project" / "purposes.yml"
    purposes.write_text("purposes: {service: {description: x}}")
    with pytest.raises(SeamlineError, match=r"purposes\.yml: purpose 'service': subject: is missi"):
        world.project()
    purposes.unlink()
    with pytest.raises(SeamlineError, match=r"purposes\.yml does not exist"):
        world.project()
    (world.folder / "manifest.json").write_text("{}")
    with pytest.raises(SeamlineError, match=r"manifest\.json is not dbt's manifest"):
        world.project()
    (world.folder / "manifest.json").unlink()
    with pytest.raises(SeamlineError, match=r"manifest\.json does not exist"):
        world.project()


def test_a_missing_warehouse_is_named(world: World) -> None:
    world.declare()
    world.warehouse.unlink()
    with pytest.raises(SeamlineError, match=r"warehouse\.duckdb does not exist; build"):
        world.run()
