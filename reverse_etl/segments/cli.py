"""The commands about segments; ``explain membership`` stands beside what explains identity."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverse_etl.errors import SeamlineError

if TYPE_CHECKING:
    from reverse_etl.contract.manifest import Manifest
    from reverse_etl.contract.project import Project
    from reverse_etl.segments.segment import Segment
    from reverse_etl.warehouse.session import Warehouse

REFUSED = 3

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ShowPii = Annotated[
    bool, typer.Option("--show-pii", help="Write values in clear; text is masked otherwise.")
]


def explain_membership_command(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="A person_id, past or present, or theirs.")
    ],
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="A segment's name.")],
    *,
    as_of: Annotated[
        str | None, typer.Option(metavar="T", help="As of another instant: 2026-10-15T12:00:00.")
    ] = None,
    show_pii: ShowPii = False,
    as_json: AsJson = False,
) -> None:
    """Show why a person is in a segment, or why not: each predicate, and the rows behind it.

    As of another instant it tells by what is known now of what was true then; what was known
    then, the segment remembers.

    \b
    seamline explain membership jane@example.com abandoned_cart
    seamline explain membership user_id:u-113 best_customers --as-of 2026-10-01 --json
    """  # noqa: D301 - keeps the lines below it apart
    from reverse_etl.segments.membership import explain_membership, person_of  # noqa: PLC0415
    from reverse_etl.segments.report import membership_json, membership_report  # noqa: PLC0415
    from reverse_etl.segments.segment import find_segment  # noqa: PLC0415

    moment = instant("--as-of", as_of) if as_of else None
    with opened() as (warehouse, project):
        manifest = project.manifest
        found = find_segment(manifest, segment)
        whose = person_of(warehouse, manifest, person)
        membership = explain_membership(warehouse, manifest, found, whose, moment)
    if as_json:
        print_json(membership_json(membership, show_pii=show_pii))
        return
    from reverse_etl.report import console  # noqa: PLC0415

    console().print(membership_report(membership, show_pii=show_pii), soft_wrap=True)


def verbs(compiled: Callable[[Path], str]) -> typer.Typer:
    """Return the verbs about segments.

    Args:
        compiled: turns a file of SQL, macros and refs included, into what the warehouse reads.
    """
    app = typer.Typer(add_completion=False)

    @app.command()
    def preview(
        segment: Annotated[str, typer.Argument(metavar="SEGMENT|FILE.sql")],
        *,
        start: Annotated[
            str | None, typer.Option("--from", metavar="DAY", help="Replay it from this day on.")
        ] = None,
        end: Annotated[str | None, typer.Option("--to", metavar="DAY", help="To this day.")] = None,
        show_pii: ShowPii = False,
        as_json: AsJson = False,
    ) -> None:
        """Show what a segment would be, before anything is built: size, sample, overlap, reach.

        With --from and --to: day by day who would have come and gone, what would have been sent,
        and what those people then bought.

        \b
        seamline preview new_customers
        seamline preview drafts/lamp_lovers.sql
        seamline preview best_customers --from 2026-10-01 --to 2026-10-31
        """  # noqa: D301 - keeps the lines below it apart
        if (start is None) != (end is None):
            raise SeamlineError("--from and --to: give both, or neither.")
        if start is not None and end is not None:
            _backtest(segment, compiled, start, end, as_json=as_json)
        else:
            _preview(segment, compiled, show_pii=show_pii, as_json=as_json)

    @app.command()
    def diff(
        *,
        base: Annotated[
            Path, typer.Option(metavar="MANIFEST", help="The compiled manifest of before.")
        ],
        as_json: AsJson = False,
    ) -> None:
        """Show who enters and leaves each segment by a change of SQL, as Markdown for a review.

        Both sides are evaluated on the same data. Exit code 3: more of a segment move than its
        max_changed_fraction allows, a tenth unless its YAML says otherwise.
        """
        from reverse_etl.contract.manifest import Manifest  # noqa: PLC0415
        from reverse_etl.segments.difference import difference  # noqa: PLC0415
        from reverse_etl.segments.written import (  # noqa: PLC0415
            difference_json,
            difference_markdown,
        )

        before = Manifest.read(base)
        with opened() as (warehouse, project):
            changes = difference(project, before, warehouse)
        if as_json:
            print_json(difference_json(changes))
        else:
            typer.echo(difference_markdown(changes), nl=False)
        if any(change.is_past_threshold for change in changes):
            raise typer.Exit(REFUSED)

    app.command()(catalogue)
    app.command()(lift)
    return app


def lift(
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="One with an experiment.")],
    *,
    days: Annotated[int, typer.Option(min=1, help="Purchases so many days after entering.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Show what an audience is worth: purchases of those reached, beside those held out.

    The difference of the two rates comes with its 95 % interval: where it holds zero, nothing is
    shown yet.
    """
    from reverse_etl.segments.lift import lift as measured  # noqa: PLC0415
    from reverse_etl.segments.segment import find_segment  # noqa: PLC0415
    from reverse_etl.segments.written import lift_json, lift_report  # noqa: PLC0415

    with opened() as (warehouse, project):
        found = measured(project, warehouse, find_segment(project.manifest, segment), days)
    if as_json:
        print_json(lift_json(found))
        return
    from reverse_etl.report import console  # noqa: PLC0415

    console().print(lift_report(found))


def catalogue(
    out: Annotated[
        Path | None, typer.Option(help="The file to write [default: .seamline/catalogue.html].")
    ] = None,
) -> None:
    """Write one page of all audiences: what each is for, its size over time, whom it reaches."""
    from reverse_etl.segments.catalogue import catalogue_page  # noqa: PLC0415

    with opened() as (warehouse, project):
        page = catalogue_page(project, warehouse)
        file = out or project.home / "catalogue.html"
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SeamlineError(f"--out {file}: {error.strerror}; name another file.") from None
    typer.echo(f"Written to {os.path.relpath(file)}.")


def _preview(asked: str, compiled: Callable[[Path], str], *, show_pii: bool, as_json: bool) -> None:
    from reverse_etl.segments.preview import preview  # noqa: PLC0415
    from reverse_etl.segments.shown import Shown, declared_words  # noqa: PLC0415
    from reverse_etl.segments.written import preview_json, preview_report  # noqa: PLC0415

    segment = _asked(asked, compiled)
    with opened() as (warehouse, project):
        found = preview(project, warehouse, segment(project.manifest))
        shown = Shown(show_pii=show_pii, words=declared_words(project.manifest))
    if as_json:
        print_json(preview_json(found, shown))
        return
    from reverse_etl.report import console  # noqa: PLC0415

    console().print(preview_report(found, shown))


def _backtest(
    asked: str, compiled: Callable[[Path], str], start: str, end: str, *, as_json: bool
) -> None:
    from reverse_etl.segments.backtest import backtest  # noqa: PLC0415
    from reverse_etl.segments.written import backtest_json, backtest_report  # noqa: PLC0415

    first, last = instant("--from", start), instant("--to", end)
    segment = _asked(asked, compiled)
    with opened() as (warehouse, project):
        found = backtest(project, warehouse, segment(project.manifest), first, last)
    if as_json:
        print_json(backtest_json(found))
        return
    from reverse_etl.report import console  # noqa: PLC0415

    console().print(backtest_report(found))


def _asked(asked: str, compiled: Callable[[Path], str]) -> Callable[[Manifest], Segment]:
    """Return how to find a segment by name or make one of a file, which takes the warehouse."""
    from reverse_etl.segments.segment import draft, find_segment  # noqa: PLC0415

    if not asked.endswith(".sql"):
        return lambda manifest: find_segment(manifest, asked)
    path = Path(asked)
    if not path.is_file():
        raise SeamlineError(f"{path} does not exist; name a segment or a file of SQL.")
    made = draft(path, compiled(path))
    return lambda manifest: made


def instant(option: str, text: str) -> datetime:
    """Return an instant somebody typed: UTC, without a time zone, as the warehouse keeps times.

    Raises:
        SeamlineError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SeamlineError(
            f"{option}: '{text}' is no instant; write 2026-11-01T00:00:00."
        ) from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


@contextmanager
def opened() -> Iterator[tuple[Warehouse, Project]]:
    """Open the warehouse together with the project."""
    from reverse_etl.contract.project import Project  # noqa: PLC0415
    from reverse_etl.warehouse.opening import open_warehouse  # noqa: PLC0415

    loaded = Project.load()
    published = loaded.home / "manifest.json"
    project = replace(loaded, manifest=loaded.manifest.completed_by(published, loaded.directory))
    with open_warehouse(project.profile, project.home) as warehouse:
        yield warehouse, project


def print_json(content: Any) -> None:
    """Print what ``--json`` asked for."""
    typer.echo(json.dumps(content, indent=2, default=str, ensure_ascii=False))
