"""The commands of the engine: plan, sync, status, check, destinations, sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverse_etl.errors import SeamlineError
from reverse_etl.profile import home_directory
from reverse_etl.project import Project, Sync

if TYPE_CHECKING:
    from reverse_etl.send import Progress
    from reverse_etl.sync import SyncResult

app = typer.Typer(no_args_is_help=True, add_completion=False)

EXIT_CODES = {"done": 0, "failed": 1, "refused": 3, "rejected": 4}
WORST_FIRST = ("failed", "refused", "rejected", "done")

Select = Annotated[
    list[str] | None,
    typer.Option("--select", "-s", help="Sync to act on; repeat it for more. All by default."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def selected(project: Project, names: list[str] | None) -> list[str]:
    """Return the syncs that ``--select`` names, all of them where it is not given.

    Raises:
        SeamlineError: one of them does not exist.
    """
    chosen = [name for entry in names or [] for name in entry.split(",") if name]
    for name in chosen:
        project.sync(name)
    return chosen or list(project.syncs)


@app.command()
def plan(
    select: Select = None,
    as_json: AsJson = False,
    only: Annotated[str | None, typer.Option(help="Look at one key only.")] = None,
    rows: Annotated[int, typer.Option(help="Show so many rows of each plan.")] = 0,
) -> None:
    """Show what a sync would send, remove and hold back. Nothing is sent."""
    from reverse_etl.status import planned_rows  # noqa: PLC0415
    from reverse_etl.sync import plan_sync  # noqa: PLC0415

    project = Project.load()
    plans = [plan_sync(project, name, only=only) for name in selected(project, select)]
    details = {each.sync: planned_rows(project, each.run_id, rows) for each in plans if rows}
    if as_json:
        _print_json([each.as_json() | {"rows": details.get(each.sync, [])} for each in plans])
    else:
        from reverse_etl.report import console, plan_report  # noqa: PLC0415

        console().print(plan_report(plans, details))
    if any(each.refusals for each in plans):
        raise typer.Exit(EXIT_CODES["refused"])


@app.command()
def sync(
    select: Select = None,
    as_json: AsJson = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", help="Guard to send in spite of; recorded with the run."),
    ] = None,
    only: Annotated[str | None, typer.Option(help="Send the record with this key only.")] = None,
) -> None:
    """Bring channels up to date. Exit code 3: a guard refused, 4: records were rejected."""
    from reverse_etl.sync import run_sync  # noqa: PLC0415

    project = Project.load()
    names = selected(project, select)
    for name in names:  # complain about a missing secret before anything is sent anywhere
        project.connection(project.sync(name))
    results: list[SyncResult] = []
    for name in names:
        with _progress(name) as on_progress:
            results.append(
                run_sync(
                    project, name, overrides=override or (), only=only, on_progress=on_progress
                )
            )
    if as_json:
        _print_json([result.as_json() for result in results])
    else:
        from reverse_etl.report import console, result_report  # noqa: PLC0415

        console().print(result_report(results))
    found = {result.status for result in results}
    worst = next((status for status in WORST_FIRST if status in found), "done")
    if EXIT_CODES[worst]:
        raise typer.Exit(EXIT_CODES[worst])


@app.command()
def status(select: Select = None, as_json: AsJson = False) -> None:
    """Show how every sync stands: its last run, what the channel holds, what it refuses."""
    from reverse_etl.status import sync_status  # noqa: PLC0415

    project = Project.load()
    found = sync_status(project, selected(project, select))
    if as_json:
        _print_json(found)
        return
    from reverse_etl.report import console, table_report  # noqa: PLC0415

    flat = [{**(row["last_run"] or {"status": "never run"}), **row} for row in found]
    columns = ("sync", "destination", "mode", "status", "started_at", "held", "open_rejections")
    console().print(table_report(flat, (*columns, "error")))
    rejections = [{"sync": row["sync"], **each} for row in found for each in row["rejections"]]
    if rejections:
        columns = ("sync", "audience", "key", "operation", "attempts", "code", "reason")
        console().print(table_report(rejections, columns))


@app.command()
def check(select: Select = None, as_json: AsJson = False) -> None:
    """Check every declaration and connection. Neither warehouse nor channel is touched."""
    project = Project.load()
    found = [_checked(project, project.sync(name)) for name in selected(project, select)]
    if as_json:
        _print_json(found)
        return
    from reverse_etl.report import console, table_report  # noqa: PLC0415

    columns = ("sync", "destination", "object", "mode", "key", "purpose", "address", "live")
    console().print(table_report(found, columns))
    console().print(f"{len(found)} syncs are well declared.")


@app.command()
def destinations(as_json: AsJson = False) -> None:
    """List the destinations, what each can hold, and the settings each needs."""
    from reverse_etl.registry import destination_names, find_destination  # noqa: PLC0415

    found = []
    for name in destination_names():
        channel = find_destination(name)
        found += [
            {
                "destination": name,
                "label": channel.label,
                "object": each.name,
                "modes": ", ".join(each.modes),
                "match": ", ".join(each.match),
                "settings": ", ".join(f"{name.upper()}_{s.name.upper()}" for s in channel.settings),
            }
            for each in channel.objects
        ]
    if as_json:
        _print_json(found)
        return
    from reverse_etl.report import console, table_report  # noqa: PLC0415

    console().print(table_report(found, tuple(found[0]) if found else ()))


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8799,
) -> None:
    """Serve stand-ins for the channels on this machine, with a page that shows what arrived."""
    from reverse_etl.connection import is_loopback  # noqa: PLC0415
    from reverse_etl.sandbox.server import serve  # noqa: PLC0415

    if not is_loopback(f"http://{host}"):
        raise SeamlineError(f"--host: {host} is no loopback address; the sandbox lets everyone in.")
    serve(host, port, home_directory())


def _checked(project: Project, sync: Sync) -> dict[str, Any]:
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


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2, default=str, ensure_ascii=False))


@contextmanager
def _progress(name: str) -> Iterator[Progress | None]:
    """Show a bar on stderr while somebody is looking."""
    from reverse_etl.report import console  # noqa: PLC0415

    err = console(stderr=True)
    if not err.is_terminal:
        yield None
        return
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=err, transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
