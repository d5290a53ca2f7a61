"""``seamline person``: everything that the marts hold of one person, found by any identifier.

Whatever mart has a ``person_id`` is shown: a new one needs no line here. Texts are masked unless
asked for, and so are those of columns that nobody has thought of yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from reverse_etl.contract.manifest import Manifest
    from reverse_etl.warehouse.session import Warehouse

# Shown first, in this order; the others follow by name.
_FIRST = ("people", "person_traits", "identities", "contacts", "timeline")
# What says something of the business and nothing of who somebody is.
_HARMLESS = re.compile(
    r"person_id|(.*_)?(source|status|stage|type|channel|currency|purpose|state|basis|priority|model"
    r"|field|rule|trait|activity|reason|change|sync|role|name_source|source_name|event_name"
    r"|identifier_type|campaign_name|forecast_category)"
)


@dataclass(frozen=True)
class Part:
    """What one mart holds of the person: the newest rows, and how many there are in all."""

    mart: str
    count: int
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Person:
    """Everything that is known of one person; segments are those they are in now."""

    person_id: str
    segments: list[str]
    parts: list[Part]


def find_person(warehouse: Warehouse, manifest: Manifest, asked: str, *, limit: int) -> Person:
    """Return the person whom ``asked`` stands for, with at most ``limit`` rows of each mart.

    Args:
        warehouse: an open warehouse.
        manifest: the project, as it was built.
        asked: an identifier of any type from any source, a record, or a person_id past or present.
        limit: rows per mart, the newest first.

    Raises:
        NotInTheGraphError: nobody is known by it, or more than one person.
    """
    from reverse_etl.identity.graph import Graph  # noqa: PLC0415 - help must not wait for it
    from reverse_etl.identity.verdict import explain_person  # noqa: PLC0415

    person_id = explain_person(Graph(warehouse, manifest), asked).person_id
    parts = [part for part in _parts(warehouse, manifest, person_id, limit) if part.count]
    segments = [
        segment
        for unique_id, _ in manifest.segments()
        for segment in [manifest.nodes[unique_id]["name"]]
        if warehouse.columns(manifest.relation(unique_id))
        and _count(warehouse, str(manifest.relation(unique_id)), person_id)
    ]
    return Person(person_id, sorted(segments), parts)


def masked(person: Person) -> Person:
    """Return the same without what says who somebody is."""
    from reverse_etl.identity.masking import mask  # noqa: PLC0415

    def shown(column: str, value: Any) -> Any:
        if not isinstance(value, str) or _HARMLESS.fullmatch(column):
            return value
        return mask(value)

    parts = [
        Part(
            part.mart,
            part.count,
            [{column: shown(column, value) for column, value in row.items()} for row in part.rows],
        )
        for part in person.parts
    ]
    return Person(person.person_id, person.segments, parts)


def _parts(warehouse: Warehouse, manifest: Manifest, person_id: str, limit: int) -> Iterator[Part]:
    from reverse_etl.warehouse.dialect import literal  # noqa: PLC0415

    marts = {
        node["name"]: manifest.relation(unique_id)
        for unique_id, node in manifest.nodes.items()
        if node["resource_type"] == "model"
        and node["fqn"][1] == "marts"
        and "person_id" in node["columns"]
    }
    for name in sorted(marts, key=lambda mart: (_rank(mart), mart)):
        columns = warehouse.columns(marts[name])
        if not columns:
            continue
        times = [column for column in columns if column.endswith("_at")]
        newest = f" order by {times[-1]} desc nulls last" if times else ""
        rows = warehouse.rows(
            f"select * from {marts[name]} where person_id = {literal(person_id)}{newest}"
            f" limit {limit}"
        )
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        yield Part(name, _count(warehouse, str(marts[name]), person_id), found)


def _rank(mart: str) -> int:
    return _FIRST.index(mart) if mart in _FIRST else len(_FIRST)


def _count(warehouse: Warehouse, relation: str, person_id: str) -> int:
    from reverse_etl.warehouse.dialect import literal  # noqa: PLC0415

    query = f"select count(*) from {relation} where person_id = {literal(person_id)}"
    return int(warehouse.rows(query)[0][0])


def person_command(
    asked: Annotated[
        str, typer.Argument(metavar="ID", help="Any identifier, a record, or a person_id.")
    ],
    *,
    limit: Annotated[int, typer.Option(min=1, help="Rows per table, the newest first.")] = 5,
    show_pii: Annotated[
        bool, typer.Option("--show-pii", help="Write texts in clear; they are masked otherwise.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Show a whole person: profile, traits, relations, history, consents and segments.

    \b
    seamline person jane@example.com
    seamline person crm/contact/0035g0000000012AAA --limit 20
    seamline person loyalty_id:L-100234 --show-pii --json
    """  # noqa: D301 - keeps the lines below it apart
    with _opened() as (warehouse, manifest):
        person = find_person(warehouse, manifest, asked, limit=limit)
    person = person if show_pii else masked(person)
    if as_json:
        content = {
            "person_id": person.person_id,
            "segments": person.segments,
            "marts": {part.mart: {"count": part.count, "rows": part.rows} for part in person.parts},
        }
        typer.echo(json.dumps(content, indent=2, default=str, ensure_ascii=False))
        return
    from reverse_etl.report import console  # noqa: PLC0415

    console().print(_report(person), soft_wrap=True)


def _report(person: Person) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    lines: list[RenderableType] = [Text(f"Person {person.person_id}", style="bold")]
    lines.append(Text(f"In segments: {', '.join(person.segments) or 'none'}"))
    for part in person.parts:
        head = f"\n{part.mart}"
        more = f"  {len(part.rows)} of {part.count}" if part.count > len(part.rows) else ""
        lines.append(Text.assemble((head, "bold"), (more, "dim")))
        for row in part.rows:
            said = (
                f"{column} {value}"
                for column, value in row.items()
                if value is not None and column != "person_id"
            )
            lines.append(Text(f"  {' · '.join(said)}"))
    return Group(*lines)


@contextmanager
def _opened() -> Iterator[tuple[Warehouse, Manifest]]:
    from reverse_etl.contract.manifest import Manifest, manifest_path  # noqa: PLC0415
    from reverse_etl.contract.profile import read_profile  # noqa: PLC0415
    from reverse_etl.home import home_directory, project_directory  # noqa: PLC0415
    from reverse_etl.warehouse.opening import open_warehouse  # noqa: PLC0415

    home = home_directory()
    manifest = Manifest.read(manifest_path(project_directory(), home))
    with open_warehouse(read_profile(), home) as warehouse:
        yield warehouse, manifest
