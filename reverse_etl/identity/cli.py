"""The commands ``seamline explain identity`` and ``seamline explain person``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from reverse_etl.identity.graph import Graph

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Say why: who is who, and by what evidence.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ShowPii = Annotated[
    bool, typer.Option("--show-pii", help="Write identifiers in clear; they are masked otherwise.")
]


@app.command("identity")
def explain_identity_command(
    left: Annotated[str, typer.Argument(metavar="A", help="An identifier or a record.")],
    right: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    *,
    show_pii: ShowPii = False,
    as_json: AsJson = False,
) -> None:
    """Show the evidence that makes A and B one person, or what keeps them apart.

    A and B are identifiers of any type, as they were written or normalised, or records. Put the
    type before a colon where the value alone is several things.

    Where they are one person: the fewest hops from A to B, of these the strongest, each with its
    source, record and time. Where they are not: what both have and why it was refused, what the
    model found too unlikely, and what both merely say.

    \b
    seamline explain identity jane@example.com "+44 20 7946 0958"
    seamline explain identity email:jane@example.com crm/contact/0035g000001
    seamline explain identity anonymous_id:a-712b34 user_id:u-113 --json
    """  # noqa: D301 - keeps the lines below it apart
    from reverse_etl.identity.masking import Labels  # noqa: PLC0415 - help must not wait for it
    from reverse_etl.identity.report import verdict_json, verdict_report  # noqa: PLC0415
    from reverse_etl.identity.verdict import explain_identity  # noqa: PLC0415

    with _graph() as graph:
        verdict = explain_identity(graph, left, right)
    labels = Labels(verdict.nodes, show_pii=show_pii)
    if as_json:
        _print_json(verdict_json(verdict, labels))
    else:
        from reverse_etl.report import console  # noqa: PLC0415

        console().print(verdict_report(verdict, labels), soft_wrap=True)


@app.command("person")
def explain_person_command(
    person: Annotated[
        str, typer.Argument(metavar="ID", help="A person_id, past or present, or anything theirs.")
    ],
    *,
    html: Annotated[
        Path | None, typer.Option(help="Also draw it as a page of its own into this file.")
    ] = None,
    show_pii: ShowPii = False,
    as_json: AsJson = False,
) -> None:
    """Draw a person's graph: identifiers, records, refused evidence, what became of their ids.

    \b
    seamline explain person d023ef3d402dc94c24f22b75eb22aee2
    seamline explain person jane@example.com --html jane.html
    """  # noqa: D301 - keeps the lines below it apart
    from reverse_etl.errors import SeamlineError  # noqa: PLC0415
    from reverse_etl.identity.masking import Labels  # noqa: PLC0415
    from reverse_etl.identity.picture import portrait_page  # noqa: PLC0415
    from reverse_etl.identity.report import portrait_json, portrait_report  # noqa: PLC0415
    from reverse_etl.identity.verdict import explain_person  # noqa: PLC0415

    with _graph() as graph:
        portrait = explain_person(graph, person)
    labels = Labels(portrait.nodes, show_pii=show_pii)
    if html is not None:
        try:
            html.write_text(portrait_page(portrait, labels), encoding="utf-8")
        except OSError as error:
            raise SeamlineError(f"--html {html}: {error.strerror}; name another file.") from None
    if as_json:
        _print_json(portrait_json(portrait, labels))
        return
    from reverse_etl.report import console  # noqa: PLC0415

    console().print(portrait_report(portrait, labels), soft_wrap=True)
    if html is not None:
        typer.echo(f"\nDrawn in {html}.")


@contextmanager
def _graph() -> Iterator[Graph]:
    from reverse_etl.contract.manifest import Manifest, manifest_path  # noqa: PLC0415
    from reverse_etl.contract.profile import read_profile  # noqa: PLC0415
    from reverse_etl.home import home_directory, project_directory  # noqa: PLC0415
    from reverse_etl.identity.graph import Graph  # noqa: PLC0415
    from reverse_etl.warehouse.opening import open_warehouse  # noqa: PLC0415

    home = home_directory()
    manifest = Manifest.read(manifest_path(project_directory(), home))
    with open_warehouse(read_profile(), home) as warehouse:
        yield Graph(warehouse, manifest)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2, default=str, ensure_ascii=False))
