"""``seamline load``: land a folder of extracts in the raw schemas of the warehouse.

``DIR/<source>/<table>.{csv,parquet,jsonl}`` (or a folder ``<table>/`` of parts) is appended to
``raw_<source>.<table>``. A file whose content has landed before is skipped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from orchestration.extract_files import ExtractFile, content_hash
from orchestration.landing import land, open_warehouse
from reverse_etl.contract.profile import Profile, read_profile
from reverse_etl.errors import SeamlineError
from reverse_etl.home import project_directory

FORMATS = (".csv", ".parquet", ".jsonl")
# Public files that may lie in the folder under the names their publishers gave them.
KNOWN_EXTRACTS = {
    "uci_online_retail_2009_2010.parquet": ("retail", "invoice_lines"),
    "retentioneering_clickstream.csv": ("clickstream", "events"),
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class LandedFile:
    """What became of one file."""

    file: str
    source_name: str
    table_name: str
    status: str  # landed | skipped
    row_count: int = 0
    new_columns: list[str] = field(default_factory=list)
    unread: str = ""  # why no model will read it


class FilesRefusedError(SeamlineError):
    """Files that cannot be read. What lay beside them has landed, and nothing of them has."""

    def __init__(self, refused: Sequence[tuple[ExtractFile, str]]) -> None:
        self.refused = tuple(refused)
        super().__init__("\n".join(reason for _, reason in refused))


@dataclass
class LoadReport:
    """What one load did."""

    directory: str
    target: str
    loaded_at: str
    files: list[LandedFile] = field(default_factory=list)

    @property
    def landed_rows(self) -> int:
        """Rows that are new in the warehouse."""
        return sum(file.row_count for file in self.files)

    def count(self, status: str) -> int:
        """How many files were landed or skipped."""
        return sum(file.status == status for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        """The report for ``--json``."""
        return {**asdict(self), "landed_rows": self.landed_rows}


def landing_folder() -> Path | None:
    """Folder of files to land (``SEAMLINE_LANDING``, by default the seeds).

    Empty means that another loader fills the raw tables, and there is nothing to land.
    """
    seeds = project_directory().parent / "seeds" / "raw"
    configured = os.environ.get("SEAMLINE_LANDING", str(seeds))
    return Path(configured).resolve() if configured else None


def load_folder(
    directory: Path,
    profile: Profile,
    *,
    loaded_at: datetime | None = None,
    only: Collection[str] | None = None,
    wait: float = 60.0,
    on_wait: Callable[[str], None] = lambda message: None,
    on_file: Callable[[LandedFile], None] = lambda file: None,
) -> LoadReport:
    """Land every extract below ``directory``; each file is one transaction.

    Args:
        directory: Folder with one folder per source, or with files of ``KNOWN_EXTRACTS``.
        profile: Where to land.
        loaded_at: UTC instant written to ``_loaded_at``; default ``SEAMLINE_AS_OF``, else now.
        only: Names of the sources to land; default all.
        wait: Seconds to wait for a DuckDB file that another process holds.
        on_wait: Told once when waiting begins, and for whom.
        on_file: Told after each file.

    Raises:
        FilesRefusedError: a file cannot be read; nothing of it has landed, all others have.
        SeamlineError: the folder cannot be read, and nothing has landed.
    """
    stamp = loaded_at or _default_instant()
    report = LoadReport(str(directory), profile.target, stamp.isoformat())
    extracts = find_extracts(directory, only)
    declared = _declared_tables(project_directory())
    refused: list[tuple[ExtractFile, str]] = []
    with open_warehouse(profile, wait, on_wait) as warehouse:
        for extract in extracts:
            try:
                landed = land(warehouse, extract, content_hash(extract.path), stamp)
            except SeamlineError as error:
                refused.append((extract, str(error)))
                continue
            place = (extract.label, extract.source_name, extract.table_name)
            outcome = (
                LandedFile(*place, "skipped")
                if landed is None
                else LandedFile(*place, "landed", *landed, _why_unread(extract, declared))
            )
            report.files.append(outcome)
            on_file(outcome)
    if refused:
        raise FilesRefusedError(refused)
    return report


def _declared_tables(project: Path) -> set[str]:
    """Return the raw tables that some staging model may read, as ``schema.table``."""
    return {
        f"{source.get('schema', source['name'])}.{table['name']}"
        for path in project.glob("models/staging/*/*__sources.yml")
        for source in (yaml.safe_load(path.read_text()) or {}).get("sources", [])
        for table in source["tables"]
    }


def _why_unread(extract: ExtractFile, declared: set[str]) -> str:
    table = f"raw_{extract.source_name}.{extract.table_name}"
    if table in declared:
        return ""
    near = get_close_matches(table, declared, 1)
    return f"no source declares {table}, so no model reads it" + (
        f"; did you mean {near[0]}?" if near else ""
    )


def find_extracts(directory: Path, only: Collection[str] | None = None) -> list[ExtractFile]:
    """Return the files to land, in a fixed order; the whole layout is checked first.

    Raises:
        SeamlineError: a file lies where none is expected, or has an unknown format.
    """
    if not directory.is_dir():
        raise SeamlineError(
            f"{directory} is no folder; name the one that holds <source>/<table>.csv."
        )
    known = [directory / name for name in KNOWN_EXTRACTS if (directory / name).is_file()]
    if known:
        # Whatever else lies beside a public file is not laid out for landing.
        found = [ExtractFile(path, *KNOWN_EXTRACTS[path.name], path.name) for path in known]
    else:
        found = [
            _place(directory, path)
            for path in sorted(directory.rglob("*"))
            if path.is_file() and not _is_hidden(path.relative_to(directory))
        ]
    chosen = [file for file in found if only is None or file.source_name in only]
    if not chosen:
        sources = ", ".join(sorted({file.source_name for file in found})) or "none"
        raise SeamlineError(f"{directory} holds nothing to land; sources found there: {sources}.")
    return chosen


def _place(directory: Path, path: Path) -> ExtractFile:
    parts = path.relative_to(directory).parts
    hint = f" Did you mean {directory / 'raw'}?" if (directory / "raw").is_dir() else ""
    if path.suffix not in FORMATS:
        raise SeamlineError(
            f"{path}: '{path.suffix or path.name}' is no format that can be landed; use"
            f" {', '.join(FORMATS)}, or move the file away.{hint}"
        )
    if len(parts) not in (2, 3):
        shapes = f"<source>/<table>{path.suffix} or <source>/<table>/<part>{path.suffix}"
        raise SeamlineError(
            f"{path} lies in an unexpected place; expected {shapes} below {directory}.{hint}"
        )
    source, table = parts[0], Path(parts[1]).stem if len(parts) == 2 else parts[1]
    for kind, name in (("source", source), ("table", table)):
        if not _NAME.fullmatch(name):
            raise SeamlineError(
                f"{path}: '{name}' cannot name a {kind}; use small letters, digits and _."
            )
    return ExtractFile(path, source, table, "/".join(parts))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _default_instant() -> datetime:
    as_of = os.environ.get("SEAMLINE_AS_OF")
    return parse_instant(as_of, "SEAMLINE_AS_OF") if as_of else parse_instant(None, "")


def parse_instant(text: str | None, name: str) -> datetime:
    """Return ``text`` (ISO 8601; UTC where it has no offset) as naive UTC; None means now."""
    if text is None:
        return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise SeamlineError(
            f"{name} '{text}' is no instant; write it as 2026-11-01T00:00:00."
        ) from error
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def load(
    directory: Annotated[
        Path, typer.Argument(help="Folder with <source>/<table>.{csv,parquet,jsonl}.")
    ],
    *,
    loaded_at: Annotated[
        str | None,
        typer.Option(help="Instant of arrival, ISO 8601 UTC [default: SEAMLINE_AS_OF, else now]."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Land this source only; may be repeated.")
    ] = None,
    wait: Annotated[
        float,
        typer.Option(help="Seconds to wait for a DuckDB file that another process holds."),
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Land a folder of extracts in the warehouse, as text, into raw_<source>.<table>.

    Each file is one transaction, and a file whose content has landed before is skipped. Columns
    that a table did not have yet are added and reported. Nested JSON objects become a_b.

    Two public files are known by the names their publishers gave them, and a folder that holds
    one of them is read for these alone: uci_online_retail_2009_2010.parquet lands in
    raw_retail.invoice_lines, retentioneering_clickstream.csv in raw_clickstream.events.

    Example: seamline load seeds/raw
    """

    def tell(file: LandedFile) -> None:
        if not as_json:
            typer.echo(_sentence(file))

    report = load_folder(
        directory,
        read_profile(),
        loaded_at=parse_instant(loaded_at, "--loaded-at") if loaded_at else None,
        only=only or None,
        wait=wait,
        on_wait=lambda message: typer.echo(message, err=True),
        on_file=tell,
    )
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        typer.echo(
            f"{report.landed_rows:,} rows from {report.count('landed')} files landed in"
            f" {report.target}; {report.count('skipped')} files had landed before"
        )


def _sentence(file: LandedFile) -> str:
    if file.status == "skipped":
        return f"  {file.file}: landed before, skipped"
    news = f"; new columns: {', '.join(file.new_columns)}" if file.new_columns else ""
    unread = f"; {file.unread}" if file.unread else ""
    return (
        f"  {file.file}: {file.row_count:,} rows into"
        f" raw_{file.source_name}.{file.table_name}{news}{unread}"
    )
