"""Ghost's Admin API key: not sent itself, it signs a token for each request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from reverse_etl.errors import SeamlineError

TOKEN_SECONDS = 240  # Ghost takes none that is good for more than five minutes


class KeyRefused(SeamlineError):  # noqa: N818 - it reads as what it says
    """The Admin API key is not of the form that Ghost gives out."""


def token(key: str, now: int) -> str:
    """Return the JSON web token (RFC 7519, HS256) that Ghost wants, made at ``now``.

    Raises:
        KeyRefused: the key is no Admin API key.
    """
    name, _, secret = key.partition(":")
    try:
        signing = bytes.fromhex(secret)
    except ValueError:
        signing = b""
    if not name or not signing:
        raise KeyRefused(
            "GHOST_KEY is no Admin API key of the form id:secret, the secret in hexadecimal; copy "
            "it from the integration's page."
        )
    header = {"alg": "HS256", "typ": "JWT", "kid": name}
    claims = {"iat": now, "exp": now + TOKEN_SECONDS, "aud": "/admin/"}
    signed = b".".join(_base64url(json.dumps(each).encode()) for each in (header, claims))
    signature = _base64url(hmac.new(signing, signed, hashlib.sha256).digest())
    return (signed + b"." + signature).decode()


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
