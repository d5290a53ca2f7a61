"""What a channel lacks before a sync can run: scopes, properties for its columns, lists.

Nothing is changed there, unless it is asked for: then what the channel's API can make is made.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reverse_etl.channel.connection import Connection
from reverse_etl.channel.destination import Destination
from reverse_etl.channel.exchange import Preparation, Refused, Request, Response
from reverse_etl.channel.inspection import Inspection, Inspector, Missing, Scoped
from reverse_etl.contract.project import Project, Sync
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.delivery.http import AnswerLost, Client, OutOfPatience, Patience
from reverse_etl.delivery.limiter import limiter_for
from reverse_etl.delivery.transcript import Forgetful
from reverse_etl.delivery.understanding import ChannelDenied, secrets_of
from reverse_etl.readback.probing import IMPATIENT

State = Literal["missing", "to be made", "made", "unknown"]


@dataclass(frozen=True)
class Lacking:
    """One thing that a sync needs and its channel does not have.

    ``missing`` keeps the sync from working; a list ``to be made`` is made by the sync itself;
    ``unknown`` says that the channel did not tell, or never tells.
    """

    sync: str
    what: str
    state: State
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return asdict(self)


def find_lacking(
    project: Project,
    name: str,
    audiences: Mapping[str, str],
    *,
    create: bool = False,
    patience: Patience = IMPATIENT,
) -> list[Lacking]:
    """Return what the channel of a sync lacks; with ``create``, make what its API can make.

    Args:
        project: the project that declares the sync.
        name: the sync.
        audiences: the labels of the audiences that it fills, by name.
        create: whether to make what is missing.
        patience: how long the channel is waited for.
    """
    sync = project.sync(name)
    connection = project.connection(sync)
    if not isinstance(sync.channel, Destination):
        return []
    limiter = limiter_for(connection.host, sync.object.limits)
    client = Client(sync.channel, connection, limiter, patience, connections=1)
    try:
        return [
            *_scopes(sync, client, connection),
            *_properties(sync, client, connection.settings, create),
            *_lists(sync, client, connection.settings, audiences, create),
        ]
    except (ChannelDenied, OutOfPatience, AnswerLost) as silence:
        return [Lacking(name, "everything", "unknown", str(silence))]


def _scopes(sync: Sync, client: Client, connection: Connection) -> Iterator[Lacking]:
    """A probe reads; whether its credentials may write as well, some channels tell when asked."""
    probe = sync.object.probe
    if probe is None or not isinstance(sync.channel, Scoped):
        return
    try:
        granted = client.drive(sync.channel.scopes(connection.settings), Forgetful())
    except (Refused, ChannelDenied) as silence:
        yield Lacking(sync.name, "scopes", "unknown", str(silence))
        return
    for scope in probe.needs:
        # Attio's read-write covers read.
        if not {scope, f"{scope}-write"} & set(granted):
            advice = f"grant it to {secrets_of(sync.channel, connection)}"
            yield Lacking(sync.name, f"scope '{scope}'", "missing", advice)


def _properties(
    sync: Sync, client: Client, settings: Mapping[str, str], create: bool
) -> Iterator[Lacking]:
    if not isinstance(sync.channel, Inspector):
        return
    columns = {name: sync.types[name] for name in sync.fields}
    inspection: Inspection = sync.channel.inspect(sync.object.name, columns, settings)
    try:
        missing = client.drive(inspection, Forgetful())
    except Refused as refused:
        yield Lacking(sync.name, "properties", "unknown", str(refused))
        return
    for each in missing:
        yield _property(sync, client, each, create)


def _property(sync: Sync, client: Client, missing: Missing, create: bool) -> Lacking:
    what = f"property '{missing.name}'"
    if missing.creation is None:
        return Lacking(sync.name, what, "missing", missing.advice)
    if not create:
        return Lacking(sync.name, what, "missing", "--create makes it")
    response = client.send(missing.creation, Forgetful())
    if response.ok and missing.then and (following := missing.then(response)):
        response = client.send(following, Forgetful())
    elif response.ok and missing.then:
        return Lacking(sync.name, what, "unknown", "the channel does not say what it made")
    if response.ok:
        return Lacking(sync.name, what, "made", "")
    code, words = complaint_of(response)
    return Lacking(sync.name, what, "missing", f"it could not be made: {code}: {words}")


def _lists(
    sync: Sync,
    client: Client,
    settings: Mapping[str, str],
    audiences: Mapping[str, str],
    create: bool,
) -> Iterator[Lacking]:
    """A sync makes the lists that it needs; whoever asks before it learns which are not there."""
    if not sync.is_audience or not isinstance(sync.channel, Destination):
        return
    for name, label in sorted(audiences.items()):
        what = f"list '{label}'"
        preparation = sync.channel.prepare(sync.object.name, name, label, settings)
        found = _Found()
        try:
            client.drive(_watched(preparation, found, create), Forgetful())
        except Refused as refused:
            yield Lacking(sync.name, what, "missing", str(refused))
            continue
        if found.makes:
            yield Lacking(sync.name, what, *_made(sync, found, create))


@dataclass
class _Found:
    """What a preparation did: whether it looked for the list before it would make it."""

    looks: bool = False
    makes: bool = False


def _made(sync: Sync, found: _Found, create: bool) -> tuple[State, str]:
    if found.looks:
        return ("made", "") if create else ("to be made", "a sync makes it for its first member")
    silence = f"{sync.channel.label} does not tell which lists it has"
    if create:
        return "made", f"or it was there: {silence}"
    return "unknown", f"{silence}; a sync makes it where it is missing"


def _watched(
    preparation: Preparation, found: _Found, create: bool
) -> Generator[Request, Response, None]:
    """Lead a preparation as far as it only looks; beyond that, if the list is to be made."""
    try:
        request = next(preparation)
        while True:
            found.looks = found.looks or request.method == "GET"
            found.makes = found.makes or request.method != "GET"
            if found.makes and not create:
                preparation.close()
                return
            request = preparation.send((yield request))
    except StopIteration:
        return
