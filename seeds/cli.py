"""The ``seamline generate`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seeds.generate import Extract, generate

app = typer.Typer(add_completion=False, help="Write synthetic source extracts.")


@app.command("generate")
def generate_command(
    *,
    people: Annotated[int, typer.Option(help="How many people live in the extract.")] = 300,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 7,
    out: Annotated[
        Path, typer.Option(help="Folder that receives raw/<source>/<table> and truth/.")
    ] = Path("seeds"),
    file_format: Annotated[
        str, typer.Option("--format", help="csv, or parquet for large extracts.")
    ] = "csv",
    events_per_person: Annotated[
        float, typer.Option(help="Page views, screens and tracked events per person, on average.")
    ] = 17.0,
    memory_limit: Annotated[
        str, typer.Option(help="Memory that DuckDB may use before it spills to disk.")
    ] = "2GB",
) -> None:
    """Write synthetic extracts of ten sources, and the truth of which record is whose.

    120 days of browsing, orders, receipts, deals, tickets and newsletters that end on 31 October
    2026, with the flaws of real data at fixed rates, which are counted and printed. Land the
    result with `seamline load OUT/raw`.

    Examples:
      seamline generate --people 300 --seed 7 --out seeds

      seamline generate --people 1000000 --seed 1 --out /tmp/big --format parquet
    """

    def progress(done: int, total: int) -> None:
        typer.echo(f"{done:,} of {total:,} people written", err=True)

    _report(
        generate(
            people,
            seed,
            out,
            file_format=file_format,
            events_per_person=events_per_person,
            memory_limit=memory_limit,
            on_progress=progress,
        )
    )


def _report(extract: Extract) -> None:
    raw_rows = sum(count for name, count in extract.rows.items() if not name.startswith("truth."))
    typer.echo(
        f"{extract.people:,} people, {extract.events:,} events, {raw_rows:,} rows in"
        f" {len(extract.rows) - 1} tables under {extract.directory / 'raw'}"
    )
    for rate in extract.rates:
        typer.echo(
            f"  {rate.phenomenon:<32} {rate.share:7.2%}  ({rate.hits:,} of {rate.total:,};"
            f" promised {rate.promised:.0%})"
        )
    typer.echo(
        f"Truth: {extract.directory / 'truth'} ({extract.rows['truth.person_records']:,} rows)"
    )
