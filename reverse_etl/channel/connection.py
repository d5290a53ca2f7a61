"""A named connection to a channel: where it is and its secrets, from the environment alone.

Only a target that the project declares live reaches a vendor. Every other target reaches loopback
addresses, the sandbox by default, so that a branch with an empty snapshot cannot add everybody
again with production tokens.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from reverse_etl.channel.destination import Destination
from reverse_etl.channel.oauth import Tokens, tokens_for
from reverse_etl.channel.registry import Channel
from reverse_etl.errors import SeamlineError

SANDBOX_URL = "http://127.0.0.1:8799"
SANDBOX_SECRET = "sandbox"


class ConnectionRefused(SeamlineError):  # noqa: N818 - it reads as what it says
    """A setting is missing, or the address is not one that this target may reach."""


@dataclass(frozen=True)
class Connection:
    """Resolved settings of one connection. Values never appear in its representation."""

    name: str
    base_url: str
    settings: Mapping[str, str] = field(repr=False)
    is_live: bool = False
    tokens: Tokens | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """Host and port, by which requests are paced."""
        return urlsplit(self.base_url).netloc

    def current_settings(self) -> Mapping[str, str]:
        """Return the settings with an access token that is good now.

        Raises:
            TokenRefused: there is none to be had.
        """
        return {**self.settings, "TOKEN": self.tokens.token()} if self.tokens else self.settings


def connect(
    name: str, channel: Channel, target: str, live_targets: frozenset[str], tokens: Path
) -> Connection:
    """Read the connection's settings from ``<NAME>_<SETTING>`` and its address from ``<NAME>_URL``.

    Access tokens that expire are kept in the folder ``tokens``.

    Raises:
        ConnectionRefused: a required setting is missing on a live target, or a target that is not
            live would reach something else than a loopback address.
    """
    is_live = target in live_targets
    prefix = name.upper()
    settings = {}
    for setting in channel.settings:
        variable = f"{prefix}_{setting.name.upper()}"
        value = os.environ.get(variable) or setting.default
        if not value and setting.required:
            if is_live:
                raise ConnectionRefused(
                    f"{variable} is not set: connection '{name}' needs it ({setting.help}). "
                    "Set it in the environment."
                )
            value = SANDBOX_SECRET
        settings[setting.name] = value
    if not isinstance(channel, Destination):
        _refuse_remote_addresses(name, channel, settings, is_live, target)
        return Connection(name, "", settings, is_live)
    vendor = channel.base_url if is_live else f"{sandbox_url()}/{channel.slug}"
    base_url = (os.environ.get(f"{prefix}_URL") or vendor).rstrip("/")
    if not base_url:
        raise ConnectionRefused(
            f"{prefix}_URL is not set: connection '{name}' has no address. Set it in the "
            "environment."
        )
    if not is_live and not is_loopback(base_url):
        raise ConnectionRefused(
            f"{prefix}_URL names {urlsplit(base_url).hostname}, but target '{target}' is not live: "
            "it reaches loopback addresses only. Unset it, or add the target to 'live_targets' "
            "in dbt_project.yml."
        )
    return _with_tokens(Connection(name, base_url, settings, is_live), channel, tokens)


def _with_tokens(connection: Connection, channel: Channel, folder: Path) -> Connection:
    """Let a channel with OAuth fetch its tokens, unless one is given in the environment."""
    oauth = getattr(channel, "oauth", None)
    name = connection.name
    if oauth is None or os.environ.get(f"{name.upper()}_TOKEN"):
        return connection
    tokens = tokens_for(name, oauth, folder)
    if tokens is not None and (connection.is_live or is_loopback(tokens.url)):
        return replace(connection, tokens=tokens)
    if connection.is_live:
        prefix = name.upper()
        raise ConnectionRefused(
            f"connection '{name}' has no credentials: set {prefix}_TOKEN; or {prefix}_CLIENT_ID, "
            f"{prefix}_CLIENT_SECRET and {prefix}_REFRESH_TOKEN; or {prefix}_SERVICE_ACCOUNT, the "
            "path of a key file."
        )
    return replace(connection, settings={**connection.settings, "TOKEN": SANDBOX_SECRET})


def sandbox_url() -> str:
    """Return where the sandbox listens."""
    return os.environ.get("SEAMLINE_SANDBOX_URL", SANDBOX_URL).rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether ``url`` is HTTP to an address of this machine, and nothing that only looks like it.

    Names are not resolved: whoever answers for a name can change the answer between the check
    and the request. ``localhost`` alone is trusted.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_remote_addresses(
    name: str, channel: Channel, settings: Mapping[str, str], is_live: bool, target: str
) -> None:
    """A store has no one base URL; any setting that is an address must stay on this machine."""
    for setting in channel.settings:
        if not is_live and setting.is_address and not settings[setting.name]:
            raise ConnectionRefused(
                f"{name.upper()}_{setting.name} is not set, which would leave this machine, but "
                f"target '{target}' is not live: it reaches loopback addresses only. Set it to "
                "one, or add the target to 'live_targets' in dbt_project.yml."
            )
    for named, value in settings.items():
        if not is_live and "://" in value and urlsplit(value).scheme != "file":
            host = urlsplit(value).hostname or ""
            if not is_loopback(f"http://{host}"):
                raise ConnectionRefused(
                    f"{name.upper()}_{named.upper()} names {host}, but target '{target}' is not "
                    "live: it reaches loopback addresses only. Unset it, or add the target to "
                    "'live_targets' in dbt_project.yml."
                )
