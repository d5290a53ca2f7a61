"""Access tokens that expire: fetched, kept out of the project, fetched again when they run out."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs

import pytest

from reverse_etl.channel.connection import ConnectionRefused, connect
from reverse_etl.channel.exchange import Response
from reverse_etl.channel.oauth import TokenRefused
from reverse_etl.contract.project import Project
from reverse_etl.delivery.http import Client
from reverse_etl.delivery.limiter import Limiter
from reverse_etl.delivery.transcript import Forgetful
from reverse_etl.delivery.understanding import ChannelDenied
from reverse_etl.destinations.google import destination as google
from reverse_etl.home import token_directory
from tests.reverse_etl.loopback import Asked, Loopback, Told, loopback
from tests.reverse_etl.world import QUICK, World

SECRETS = {"REFRESH_TOKEN": "refresh-1", "CLIENT_ID": "client", "CLIENT_SECRET": "s3cret-value"}


class Vendor:
    """Gives tokens t1, t2 …, and answers requests that bring the newest."""

    def __init__(self) -> None:
        self.given = 0
        self.lasts = 3_600
        self.rotates = False
        self.revoked = False

    def __call__(self, asked: Asked) -> Told:
        if asked.path == "/token":
            if self.revoked:
                return Told(400, {"error": "invalid_grant", "error_description": "revoked"})
            self.given += 1
            token = {"access_token": f"t{self.given}", "expires_in": self.lasts}
            rotated = {"refresh_token": f"refresh-{self.given + 1}"} if self.rotates else {}
            return Told(200, token | rotated)
        is_newest = asked.headers["authorization"] == f"Bearer t{self.given}"
        return Told(200 if is_newest else 401, {"userLists": []})


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def wire(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with loopback(vendor) as server:
        monkeypatch.setenv("GOOGLE_URL", server.url)
        monkeypatch.setenv("GOOGLE_TOKEN_URL", f"{server.url}/token")
        monkeypatch.setenv("GOOGLE_ACCOUNT", "1234567890")
        monkeypatch.setenv("GOOGLE_CONSENT", "CONSENT_GRANTED")
        yield server


@pytest.fixture
def refreshing(wire: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"GOOGLE_{name}", value)
    return wire


def ask(folder: Path) -> Response:
    connection = connect("google", google, "demo", frozenset(), folder / "tokens")
    probe = google.objects[0].probe
    assert probe is not None
    return Client(google, connection, Limiter(0), QUICK).send(probe.request, Forgetful())


def forms(server: Loopback) -> list[dict[str, list[str]]]:
    return [parse_qs(each.body.decode()) for each in server.asked if each.path == "/token"]


def test_a_token_is_fetched_once_and_kept_for_the_next_process(
    refreshing: Loopback, vendor: Vendor, tmp_path: Path
) -> None:
    assert ask(tmp_path).ok
    assert ask(tmp_path).ok
    assert vendor.given == 1
    assert forms(refreshing) == [
        {
            "grant_type": ["refresh_token"],
            "refresh_token": ["refresh-1"],
            "client_id": ["client"],
            "client_secret": ["s3cret-value"],
        }
    ]
    kept = tmp_path / "tokens" / "google.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert "s3cret-value" not in kept.read_text()


def test_a_token_that_runs_out_is_replaced_in_the_middle_of_a_run(
    refreshing: Loopback, vendor: Vendor, tmp_path: Path
) -> None:
    vendor.lasts = 30  # less than the minute before which it is replaced
    vendor.rotates = True
    assert ask(tmp_path).ok
    assert ask(tmp_path).ok
    assert [form["refresh_token"] for form in forms(refreshing)] == [["refresh-1"], ["refresh-2"]]


def test_other_credentials_do_not_get_the_token_of_the_former(
    refreshing: Loopback, vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(tmp_path).ok
    monkeypatch.setenv("GOOGLE_REFRESH_TOKEN", "of another account")
    assert ask(tmp_path).ok
    assert vendor.given == 2


def test_a_token_that_the_vendor_took_back_is_not_kept(
    refreshing: Loopback, vendor: Vendor, tmp_path: Path
) -> None:
    assert ask(tmp_path).ok
    vendor.given = 7  # somebody fetched others
    with pytest.raises(ChannelDenied):
        ask(tmp_path)
    assert ask(tmp_path).ok
    assert vendor.given == 8


def test_a_service_account_signs_who_it_is(
    wire: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jwt = pytest.importorskip("jwt")
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {"client_email": "sync@example.com", "private_key": pem.decode()}
    path = tmp_path / "key.json"
    path.write_text(json.dumps(account | {"private_key_id": "k1"}))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(path))
    assert ask(tmp_path).ok
    (form,) = forms(wire)
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    claims = jwt.decode(
        form["assertion"][0], key.public_key(), algorithms=["RS256"], audience=f"{wire.url}/token"
    )
    assert claims["iss"] == "sync@example.com"
    assert claims["scope"] == "https://www.googleapis.com/auth/datamanager"
    assert claims["exp"] - claims["iat"] == 3_600
    assert abs(claims["iat"] - time.time()) < 60


@pytest.mark.parametrize("content", ["", "{}", '{"client_email": "a", "private_key": "b"}'])
def test_a_broken_key_file_is_named(
    wire: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(path))
    with pytest.raises(TokenRefused, match=r"GOOGLE_SERVICE_ACCOUNT: .*key\.json"):
        ask(tmp_path)


def test_what_the_vendor_refuses_is_said_without_a_secret(
    refreshing: Loopback, vendor: Vendor, tmp_path: Path
) -> None:
    vendor.revoked = True
    with pytest.raises(TokenRefused, match=r"revoked.*GOOGLE_REFRESH_TOKEN") as refused:
        ask(tmp_path)
    connection = connect("google", google, "demo", frozenset(), tmp_path)
    for secret in (SECRETS["REFRESH_TOKEN"], SECRETS["CLIENT_SECRET"]):
        assert secret not in str(refused.value) + repr(connection) + repr(connection.tokens)


def test_credentials_that_are_missing_are_named(
    wire: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_REFRESH_TOKEN", "refresh-1")
    with pytest.raises(TokenRefused, match="GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET is not"):
        ask(tmp_path)
    monkeypatch.delenv("GOOGLE_REFRESH_TOKEN")
    with pytest.raises(ConnectionRefused, match="set GOOGLE_TOKEN; or GOOGLE_CLIENT_ID"):
        connect("google", google, "production", frozenset({"production"}), tmp_path)


def test_a_target_that_is_not_live_asks_nobody_outside_for_a_token(
    refreshing: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_TOKEN_URL", "https://token.example.com")
    connection = connect("google", google, "demo", frozenset(), tmp_path)
    settings: Any = connection.current_settings()
    assert (connection.tokens, settings["TOKEN"]) == (None, "sandbox")


def test_connections_of_one_vendor_have_tokens_of_their_own(
    refreshing: Loopback, vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        SECRETS
        | {"TOKEN_URL": f"{refreshing.url}/token", "ACCOUNT": "2", "CONSENT": "CONSENT_GRANTED"}
    ).items():
        monkeypatch.setenv(f"GOOGLE_SHOP_{name}", value)
    for name in ("google", "google_shop"):
        connect(name, google, "demo", frozenset(), tmp_path / "tokens").current_settings()
    assert sorted(path.name for path in (tmp_path / "tokens").iterdir()) == [
        "google.json",
        "google_shop.json",
    ]
    assert vendor.given == 2


def test_tokens_lie_outside_the_project_and_each_project_has_its_own(
    refreshing: Loopback, vendor: Vendor, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {name: "string" for name in ("person_id", "email", "audience", "audience_label")}
    world.declare("match", "audience", columns | {"purpose": "string"}, destination="google",
                  object="customer_match_members")  # fmt: skip
    with TemporaryDirectory() as user:
        monkeypatch.setenv("HOME", user)
        for name in ("XDG_STATE_HOME", "SEAMLINE_TOKENS"):
            monkeypatch.delenv(name, raising=False)
        project = Project.load()
        project.connection(project.sync("match")).current_settings()
        (kept,) = Path(user).rglob("google.json")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
        assert not list(world.folder.rglob("google.json"))
        assert kept.parent == token_directory(project.directory)
        assert token_directory(project.directory.parent / "other" / "dbt_project") != kept.parent
        monkeypatch.setenv("SEAMLINE_TOKENS", f"{user}/elsewhere")
        project.connection(project.sync("match")).current_settings()
        assert Path(user, "elsewhere", "google.json").exists()
    assert vendor.given == 2
