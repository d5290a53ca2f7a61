"""The commands that hold what channels have against what we know: adopt, reconcile, status."""

from __future__ import annotations

from typing import Annotated

import typer

from reverse_etl.cli import AsJson, Select, print_json, selected
from reverse_etl.contract.project import Project

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def adopt(
    name: Annotated[str, typer.Argument(metavar="SYNC", help="The sync of a channel in use.")],
    as_json: AsJson = False,
) -> None:
    """Learn what a channel holds already. It stays not ours: never removed, and sent if it differs.

    Do it before the first sync of a channel in use, or the first plan is to send everything.
    """
    from reverse_etl.readback.adopt import adopt_sync  # noqa: PLC0415

    found = adopt_sync(Project.load(), name)
    if as_json:
        print_json(found.as_json())
        return
    typer.echo(
        f"{name}: {found.listed} records at the channel; {found.alike} as we would write them, "
        f"{found.unlike} otherwise, {found.foreign} of nobody we send, {found.known} known before."
    )
    typer.echo(f"What is left to send: seamline plan --select {name}")


@app.command()
def reconcile(
    name: Annotated[str, typer.Argument(metavar="SYNC", help="The sync to compare.")],
    as_json: AsJson = False,
) -> None:
    """Compare what a channel holds with what we know of it; the next sync mends the difference.

    What is gone there is added again, what was edited there is changed back. Channels that take
    records in later than they say so should have come to rest.
    """
    from reverse_etl.readback.reconcile import reconcile_sync  # noqa: PLC0415

    found = reconcile_sync(Project.load(), name)
    if as_json:
        print_json(found.as_json())
        return
    fields = ", ".join(f"{field} {count}" for field, count in found.fields.items())
    typer.echo(
        f"{name}: {found.listed} records at the channel, {found.held} held; {found.missing} are "
        f"missing, {found.edited} were edited{f' ({fields})' if fields else ''}, "
        f"{found.foreign} are not ours."
    )
    if found.missing or found.edited:
        typer.echo(f"What will be mended: seamline plan --select {name}")


@app.command()
def status(select: Select = None, as_json: AsJson = False) -> None:
    """Show how every sync stands: its last run, what the channel holds, what it refuses."""
    from reverse_etl.status import sync_status  # noqa: PLC0415

    project = Project.load()
    found = sync_status(project, selected(project, select))
    if as_json:
        print_json(found)
        return
    from reverse_etl.planning.guards import GuardVerdict  # noqa: PLC0415
    from reverse_etl.report import console, guard_report, table_report  # noqa: PLC0415

    flat = [{**(row["last_run"] or {"status": "never run"}), **row} for row in found]
    columns = ("sync", "destination", "mode", "status", "started_at", "held", "open_rejections")
    console().print(table_report(flat, (*columns, "error")))
    guards = {row["sync"]: map(GuardVerdict.of_entry, row.get("guards", ())) for row in flat}
    console().print(guard_report({sync: tuple(found) for sync, found in guards.items()}))
    rejections = [{"sync": row["sync"], **each} for row in found for each in row["rejections"]]
    if rejections:
        columns = ("sync", "audience", "key", "operation", "attempts", "code", "reason")
        console().print(table_report(rejections, columns))
