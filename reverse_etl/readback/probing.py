"""Asking channels whether a connection is good, before a sync depends on it.

Each connection and object in use is asked its declared ``Probe`` once; of a store the first record
is read, or what it declares to be cheaper. Nothing is changed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from reverse_etl.channel.connection import Connection
from reverse_etl.channel.destination import Destination, Probe, Reachable, ReadableStore
from reverse_etl.channel.exchange import Response
from reverse_etl.contract.project import Project, Sync
from reverse_etl.delivery.http import Client, OutOfPatience, Patience
from reverse_etl.delivery.limiter import limiter_for
from reverse_etl.delivery.transcript import Forgetful
from reverse_etl.delivery.understanding import ChannelDenied, saying, secrets_of
from reverse_etl.errors import SeamlineError

Status = Literal["good", "bad", "unasked"]
# Whoever waits for an answer at a prompt does not want to wait five minutes.
IMPATIENT = Patience(attempts=2, seconds=20.0, connect_timeout=5.0, read_timeout=10.0)


@dataclass(frozen=True)
class Probed:
    """What came of one probe; ``detail`` says what to do where it is ``bad``."""

    connection: str
    destination: str
    object: str
    address: str
    status: Status
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return asdict(self)


def probe_syncs(
    project: Project, names: Iterable[str], patience: Patience = IMPATIENT
) -> list[Probed]:
    """Ask every connection that the named syncs use, once for each object.

    Raises:
        ConnectionRefused: a setting is missing.
    """
    found: dict[tuple[str, str], Probed] = {}
    for sync in map(project.sync, names):
        if (sync.connection, sync.object.name) not in found:
            connection = project.connection(sync)
            if isinstance(sync.channel, ReadableStore):
                status, detail = _opened(sync.name, sync.channel, connection)
            else:
                status, detail = _asked(sync, connection, patience)
            found[sync.connection, sync.object.name] = Probed(
                sync.connection,
                sync.destination,
                sync.object.name,
                connection.base_url,
                status,
                detail,
            )
    return list(found.values())


def _asked(sync: Sync, connection: Connection, patience: Patience) -> tuple[Status, str]:
    channel, probe = sync.channel, sync.object.probe
    if probe is None or not isinstance(channel, Destination):
        return "unasked", _unaskable(sync, connection)
    limiter = limiter_for(connection.host, sync.object.limits)
    client = Client(channel, connection, limiter, patience, connections=1)
    path = re.sub(r"\{(\w+)\}", lambda name: connection.settings[name[1]], probe.request.path)
    try:
        response = client.send(replace(probe.request, path=path), Forgetful())
    except ChannelDenied as denied:
        if denied.response is None:
            return "bad", str(denied)
        return "bad", _denied(sync, connection, probe, denied)
    except OutOfPatience as silence:
        advice = "try again later" if silence.is_busy else "check its address"
        return "bad", f"{connection.host} {silence.what} ({silence}); {advice}."
    if not response.ok and response.status not in probe.passes:
        return "bad", _astray(sync, connection, probe, response)
    complaint = probe.complaint(response)
    return ("bad", complaint) if complaint else ("good", "")


def _opened(name: str, store: ReadableStore, connection: Connection) -> tuple[Status, str]:
    """Say whether a store lets us read; an empty one does as well."""
    try:
        if isinstance(store, Reachable):
            store.reach(name, connection.settings)
        else:
            next(iter(store.read(name, connection.settings)), None)
    except (SeamlineError, OSError) as error:
        return "bad", str(error)
    return "good", ""


def _unaskable(sync: Sync, connection: Connection) -> str:
    """Say that silence is no good news: the first sync is what will tell."""
    secrets = secrets_of(sync.channel, connection) or "the connection"
    return (
        f"Not checked: {sync.channel.label} has no call for {sync.object.name} that delivers "
        f"nothing; only a sync shows whether it accepts {secrets}."
    )


def _denied(sync: Sync, connection: Connection, probe: Probe, denied: ChannelDenied) -> str:
    """Say whether the token is bad, or good and not allowed to do this."""
    assert denied.response is not None
    secrets = secrets_of(sync.channel, connection) or "the connection"
    said = f" It says {saying(denied.response)}."
    if denied.meaning.words:
        said = f" {denied.meaning.words[0].upper()}{denied.meaning.words[1:]}.{said}"
    if denied.meaning.sense == "unknown":
        return (
            f"{sync.channel.label} does not accept {secrets}: it is wrong, expired or revoked, or "
            f"belongs to another account or region.{said}"
        )
    grant = f"; grant {', '.join(probe.needs)}" if probe.needs else ""
    return (
        f"{sync.channel.label} knows {secrets}, but does not let it use {sync.object.name}{grant}."
        f"{said}"
    )


def _astray(sync: Sync, connection: Connection, probe: Probe, response: Response) -> str:
    places = ", ".join(
        f"{connection.name.upper()}_{name}" for name in re.findall(r"\{(\w+)\}", probe.request.path)
    )
    what = f"check {places or connection.name.upper() + '_URL'}"
    return f"{sync.channel.label} answered {response.status}; {what}.{_said(response)}"


def _said(response: Response) -> str:
    return f" It says {saying(response)}."
