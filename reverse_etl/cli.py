"""The engine's commands that send, plan and sync; others are in ``checking`` and ``comparing``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError

if TYPE_CHECKING:
    from reverse_etl.delivery.send import Progress
    from reverse_etl.sync import SyncResult, Undo

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


UndoRun = Annotated[
    str | None,
    typer.Option(
        "--undo",
        metavar="RUN",
        help="Take back what this run sent: remove what it added, write what it changed or removed "
        "as it was. Former values come from the sync's model, built for an instant before the run; "
        "a record whose row is not exactly as it was sent before is held back. Appended events, "
        "merges and what an upsert added cannot be undone. Mend the model first: the next sync "
        "sends again what the model still wants.",
    ),
]
ValuesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEMA.TABLE", help="With --undo: read former values here, not from the model."
    ),
]


Replaces = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Send each audience as a whole, in the place of everybody whom the channel has in it, "
        "whoever put them there: for channels that cannot list what they hold (meta).",
    ),
]


@app.command()
def plan(
    *,
    select: Select = None,
    as_json: AsJson = False,
    only: Annotated[str | None, typer.Option(help="Look at one key only.")] = None,
    undo: UndoRun = None,
    values_from: ValuesFrom = None,
    replaces: Replaces = False,
    rows: Annotated[int, typer.Option(help="Show so many rows of each plan.")] = 0,
) -> None:
    """Show what a sync would send, remove and hold back. Nothing is sent."""
    from reverse_etl.status import planned_rows  # noqa: PLC0415
    from reverse_etl.sync import plan_sync  # noqa: PLC0415

    project = Project.load()
    names, undoing = _chosen(project, select, only, undo, values_from)
    plans = [plan_sync(project, name, only=only, undo=undoing, replaces=replaces) for name in names]
    details = {each.sync: planned_rows(project, each.run_id, rows) for each in plans if rows}
    if as_json:
        print_json([each.as_json() | {"rows": details.get(each.sync, [])} for each in plans])
    else:
        from reverse_etl.report import console, plan_report  # noqa: PLC0415

        console().print(plan_report(plans, details))
    if any(each.refusals for each in plans):
        raise typer.Exit(EXIT_CODES["refused"])


@app.command()
def sync(
    *,
    select: Select = None,
    as_json: AsJson = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", help="Guard to send in spite of; recorded with the run."),
    ] = None,
    only: Annotated[str | None, typer.Option(help="Send the record with this key only.")] = None,
    undo: UndoRun = None,
    values_from: ValuesFrom = None,
    replaces: Replaces = False,
) -> None:
    """Bring channels up to date. Exit code 3: a guard refused, 4: records were rejected."""
    from reverse_etl.planning.whole import must_take_wholes  # noqa: PLC0415
    from reverse_etl.sync import run_sync  # noqa: PLC0415

    project = Project.load()
    names, undoing = _chosen(project, select, only, undo, values_from)
    for name in names:  # complain about a missing secret before anything is sent anywhere
        project.connection(project.sync(name))
        if replaces:
            must_take_wholes(project.sync(name))
    results: list[SyncResult] = []
    for name in names:
        with _progress(name) as on_progress:
            results.append(
                run_sync(
                    project,
                    name,
                    overrides=override or (),
                    only=only,
                    undo=undoing,
                    replaces=replaces,
                    on_progress=on_progress,
                )
            )
    if as_json:
        print_json([result.as_json() for result in results])
    else:
        from reverse_etl.report import console, result_report  # noqa: PLC0415

        console().print(result_report(results))
    end_as(result.status for result in results)


def end_as(statuses: Iterable[str]) -> None:
    """End the command with the code of the worst of the runs' statuses, unless all are done."""
    found = set(statuses)
    worst = next((status for status in WORST_FIRST if status in found), "done")
    if EXIT_CODES[worst]:
        raise typer.Exit(EXIT_CODES[worst])


def _chosen(
    project: Project,
    select: list[str] | None,
    only: str | None,
    undo: str | None,
    values_from: str | None,
) -> tuple[list[str], Undo | None]:
    """Return the syncs to act on, and the run to undo, which names its sync itself."""
    if undo is None:
        if values_from:
            raise SeamlineError("--values-from: is for --undo only; leave it out.")
        return selected(project, select), None
    from reverse_etl.contract.manifest import Relation  # noqa: PLC0415
    from reverse_etl.status import sync_of_run  # noqa: PLC0415
    from reverse_etl.sync import Undo  # noqa: PLC0415

    name = sync_of_run(project, undo)
    if only is not None or (select and selected(project, select) != [name]):
        raise SeamlineError(f"--undo: takes back a whole run of '{name}'; leave out other choices.")
    schema, _, table = (values_from or "").partition(".")
    if values_from and not table:
        raise SeamlineError(f"--values-from: '{values_from}' is not SCHEMA.TABLE.")
    return [name], Undo(undo, Relation(schema, table) if values_from else None)


def print_json(content: Any) -> None:
    """Print what ``--json`` asks for."""
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
