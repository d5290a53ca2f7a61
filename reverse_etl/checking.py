"""The commands that look before anything is planned: check, destinations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverse_etl.cli import EXIT_CODES, AsJson, Select, print_json, selected
from reverse_etl.contract.project import Project, Sync
from reverse_etl.errors import SeamlineError
from reverse_etl.planning.plan import as_of
from reverse_etl.segments.declaration import DeclaredSegment, declared_segments

if TYPE_CHECKING:
    from reverse_etl.channel.destination import ChannelObject
    from reverse_etl.channel.registry import Channel
    from reverse_etl.readback.lacking import Lacking

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def check(
    *,
    select: Select = None,
    as_json: AsJson = False,
    connect: Annotated[
        bool,
        typer.Option("--connect", help="Ask each channel one cheap question with its credentials."),
    ] = False,
    create: Annotated[
        bool,
        typer.Option("--create", help="With --connect: make what is missing and the API can make."),
    ] = False,
) -> None:
    """Check every declaration and connection. The warehouse is not touched, nor what channels hold.

    With --connect, exit code 1 says that a channel did not let us in, or lacks properties that a
    sync writes, and what to do; --create makes the properties and lists that its API can make.
    """
    project = Project.load()
    if edited := project.manifest.edited_since(project.directory):
        more = f" and {len(edited) - 1} more files were" if edited[1:] else " was"
        raise SeamlineError(
            f"{os.path.relpath(edited[0])}{more} edited after dbt last read them; run "
            f"`{_parse(project.directory)}`, then check again."
        )
    names = selected(project, select)
    declared = [_declared(project, project.sync(name)) for name in names]
    segments = declared_segments(project, as_of().date())
    if not connect:
        _print(declared, as_json, "sync destination mode key purpose address live")
        if not as_json:
            typer.echo(f"{len(declared)} syncs and {len(segments)} segments are well declared.")
            for each in segments:
                if each.is_expired:
                    typer.echo(each.pause)
        return
    _connect(project, names, segments, as_json, create)


@app.command()
def destinations(as_json: AsJson = False) -> None:
    """List the destinations, what each can hold, its limits, and the settings each needs."""
    from reverse_etl.channel.registry import destination_names, find_destination  # noqa: PLC0415

    found = []
    for channel in map(find_destination, destination_names()):
        found += [_offered(channel, each) for each in channel.objects]
    _print(found, as_json, "destination object modes match limits")
    if not as_json:
        # Once per channel: they are long, and the same for each of its objects.
        settings = {row["destination"]: row["settings"] for row in found}
        needed = [{"destination": name, "settings": each} for name, each in settings.items()]
        _print(needed, as_json, "destination settings")
        typer.echo(
            "Settings come from the environment; those in brackets may be left out, those with a "
            "star are secrets."
        )


def _connect(
    project: Project, names: list[str], segments: list[DeclaredSegment], as_json: bool, create: bool
) -> None:
    from reverse_etl.readback.lacking import find_lacking  # noqa: PLC0415 - who asks pays for it
    from reverse_etl.readback.probing import probe_syncs  # noqa: PLC0415

    probed = probe_syncs(project, names)
    lacking: dict[tuple[str, str], list[Lacking]] = {
        (each.connection, each.object): [] for each in probed if each.status != "bad"
    }
    for sync in map(project.sync, names):
        if (found := lacking.get((sync.connection, sync.object.name))) is not None:
            found += find_lacking(project, sync.name, _audiences(sync, segments), create=create)
    rows = []
    for each in probed:
        here = lacking.get((each.connection, each.object), [])
        rows.append(each.as_json() | {"lacking": [lack.as_json() for lack in here]})
    _print(rows, as_json, "connection destination object address status detail")
    lacks = [lack for row in rows for lack in row["lacking"]]
    if lacks and not as_json:
        _print(lacks, as_json, "sync what state detail")
    is_bad = any(each.status == "bad" for each in probed)
    if is_bad or any(lack["state"] == "missing" for lack in lacks):
        raise typer.Exit(EXIT_CODES["failed"])


def _audiences(sync: Sync, segments: list[DeclaredSegment]) -> dict[str, str]:
    """Return the labels of the segments that a sync brings to its channel, by name."""
    if not sync.is_audience:
        return {}
    ours = {sync.destination, sync.connection}
    return {
        each.name: each.declaration.label
        for each in segments
        if not each.is_expired and ours & set(each.declaration.channels)
    }


def _print(rows: list[dict[str, Any]], as_json: bool, columns: str) -> None:
    if as_json:
        print_json(rows)
        return
    from reverse_etl.report import console, table_report  # noqa: PLC0415

    console().print(table_report(rows, tuple(columns.split())))


def _parse(directory: Path) -> str:
    """Return what parses the project, to be typed where we were started."""
    folder = os.path.relpath(directory)
    return f"dbt parse --project-dir {folder} --profiles-dir {folder}"


def _declared(project: Project, sync: Sync) -> dict[str, Any]:
    connection = project.connection(sync)
    return {
        "sync": sync.name,
        "destination": sync.destination,
        "object": sync.object.name,
        "mode": sync.mode,
        "key": ", ".join(sync.key),
        "purpose": sync.purpose.name,
        "fields": list(sync.fields),
        "address": connection.base_url,
        "live": connection.is_live,
        "file": sync.path,
    }


def _offered(channel: Channel, each: ChannelObject) -> dict[str, Any]:
    """Return one row of the list; settings in brackets may be left out, a star means secret."""
    prefix = channel.slug.upper()
    needed = [] if getattr(channel, "base_url", "given") else [f"{prefix}_URL"]
    for setting in channel.settings:
        named = f"{prefix}_{setting.name.upper()}{'*' if setting.secret else ''}"
        needed.append(named if setting.required else f"[{named}]")
    if getattr(channel, "oauth", None):
        # Without a token, one of these is needed.
        refresh = (f"{prefix}_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET*", "REFRESH_TOKEN*"))
        needed.append(f"or {' + '.join(refresh)}, or {prefix}_SERVICE_ACCOUNT*")
    is_any = each is getattr(channel, "any_object", None)
    limits = each.limits
    rate = f", {limits.requests_per_second:g}/s" if limits.requests_per_second else ""
    rate += f", {limits.requests_per_minute}/min" if limits.requests_per_minute else ""
    return {
        "destination": channel.slug,
        "label": channel.label,
        "object": f"any ({each.name})" if is_any else each.name,
        "modes": ", ".join(each.modes),
        "match": ", ".join(each.match),
        "limits": f"{limits.rows:,} rows, {limits.bytes / 1_000:,.0f} kB{rate}",
        "settings": ", ".join(needed),
        "secrets": [f"{prefix}_{s.name.upper()}" for s in channel.settings if s.secret],
        "needs": list(each.probe.needs) if each.probe else [],
    }
