"""Access tokens that expire: fetched when needed, kept outside the project, never logged.

Two flows, by what the environment holds for a connection:

- ``<NAME>_REFRESH_TOKEN``, ``<NAME>_CLIENT_ID`` and ``<NAME>_CLIENT_SECRET``: RFC 6749, section 6.
- ``<NAME>_SERVICE_ACCOUNT``, the path of a service account's key file: RFC 7523, section 2.1.

``<NAME>_TOKEN`` is used as it is where it is set. Tokens are kept in a file of each connection's,
readable by its owner alone, until a minute before they expire.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from reverse_etl.errors import SeamlineError

REFRESH = ("REFRESH_TOKEN", "CLIENT_ID", "CLIENT_SECRET")
EARLY_SECONDS = 60
UNSTATED_SECONDS = 1_800  # how long a token is believed where the vendor does not say


@dataclass(frozen=True)
class OAuth:
    """Where a channel gives access tokens that expire.

    A channel declares it as ``oauth``, and a setting ``TOKEN``, which the token becomes.
    """

    token_url: str
    scope: str = ""


class TokenRefused(SeamlineError):  # noqa: N818 - it reads as what it says
    """There is no access token to be had with these credentials."""


@dataclass
class Tokens:
    """The access tokens of one connection; shared by all threads of a sync."""

    name: str
    url: str
    credentials: Mapping[str, str] = field(repr=False)
    path: Path
    _kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def token(self) -> str:
        """Return an access token that is good for a minute at least.

        Raises:
            TokenRefused: the vendor gives none.
        """
        with self._lock:
            self._kept = self._kept or self._read()
            if self._kept.get("expires_at", 0) <= time.time() + EARLY_SECONDS:
                self._kept = self._fetch()
                self._write()
            return str(self._kept["access_token"])

    def forget(self) -> None:
        """Drop the token: the vendor no longer takes it."""
        with self._lock:
            self._kept = {**self._kept, "expires_at": 0}
            self._write()

    @property
    def _fingerprint(self) -> str:
        told = json.dumps([self.url, sorted(self.credentials.items())])
        return hashlib.sha256(told.encode()).hexdigest()

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) and kept.get("of") == self._fingerprint else {}

    def _write(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self.path.with_suffix(".partial")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            json.dump(self._kept, file)
        beside.replace(self.path)

    def _fetch(self) -> dict[str, Any]:
        import urllib3  # noqa: PLC0415 - only where a token has run out

        form = self._form()
        try:
            answer = urllib3.PoolManager(retries=2, timeout=20).request(
                "POST",
                self.url,
                body=urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise TokenRefused(
                f"connection '{self.name}': no answer from {self.url} ({type(error).__name__}); "
                "no access token could be fetched."
            ) from None
        content = _object(answer.data)
        if answer.status != 200 or not content.get("access_token"):
            said = content.get("error_description") or content.get("error") or "no reason given"
            raise TokenRefused(
                f"connection '{self.name}': {self.url} answered {answer.status} ({said}); check "
                f"{' and '.join(f'{self.name.upper()}_{each}' for each in self.credentials)}."
            )
        return {
            "of": self._fingerprint,
            "access_token": content["access_token"],
            "expires_at": time.time() + int(content.get("expires_in") or UNSTATED_SECONDS),
            # Some vendors give a new one each time, and take the old one back.
            "refresh_token": content.get("refresh_token") or self._kept.get("refresh_token"),
        }

    def _form(self) -> dict[str, str]:
        if "SERVICE_ACCOUNT" in self.credentials:
            return {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": _assertion(self.name, self.url, self.credentials),
            }
        return {
            "grant_type": "refresh_token",
            "refresh_token": self._kept.get("refresh_token") or self.credentials["REFRESH_TOKEN"],
            "client_id": self.credentials["CLIENT_ID"],
            "client_secret": self.credentials["CLIENT_SECRET"],
        }


def tokens_for(name: str, oauth: OAuth, folder: Path) -> Tokens | None:
    """Return where a connection's tokens come from, ``None`` where it has no such credentials.

    They are kept in ``folder``.

    Raises:
        TokenRefused: the credentials are incomplete, or the key file cannot be read.
    """
    prefix = name.upper()
    found = {each: os.environ.get(f"{prefix}_{each}", "") for each in (*REFRESH, "SERVICE_ACCOUNT")}
    url = os.environ.get(f"{prefix}_TOKEN_URL") or oauth.token_url
    path = folder / f"{name}.json"
    if found["SERVICE_ACCOUNT"]:
        credentials = {"SERVICE_ACCOUNT": found["SERVICE_ACCOUNT"], "SCOPE": oauth.scope}
        return Tokens(name, url, credentials, path)
    if not found["REFRESH_TOKEN"]:
        return None
    missing = [f"{prefix}_{each}" for each in REFRESH if not found[each]]
    if missing:
        raise TokenRefused(f"{prefix}_REFRESH_TOKEN is set, and {', '.join(missing)} is not.")
    return Tokens(name, url, {each: found[each] for each in REFRESH}, path)


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _assertion(name: str, url: str, credentials: Mapping[str, str]) -> str:
    """Return what a service account signs to say who it is; good for an hour."""
    try:
        import jwt  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise TokenRefused(
            f"connection '{name}' signs in as a service account, which needs PyJWT: "
            "pip install 'seamline[oauth]'."
        ) from None
    path = Path(credentials["SERVICE_ACCOUNT"]).expanduser()
    try:
        key = json.loads(path.read_text())
        claims = {
            "iss": key["client_email"],
            "scope": credentials["SCOPE"],
            "aud": url,
            "iat": int(time.time()),
            "exp": int(time.time()) + 3_600,
        }
        headers = {"kid": key["private_key_id"]} if "private_key_id" in key else None
        return str(jwt.encode(claims, key["private_key"], algorithm="RS256", headers=headers))
    except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        raise TokenRefused(
            f"{name.upper()}_SERVICE_ACCOUNT: {path} is no key file of a service account "
            f"({type(error).__name__}); download it again as JSON."
        ) from None
