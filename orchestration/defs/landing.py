"""The raw tables as assets: one step lands the configured folder into all of them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.defs.resources import asset_key, database_pool
from orchestration.load import load_folder
from reverse_etl.errors import SeamlineError
from reverse_etl.profile import project_directory

GROUP = "raw"


def landing_folder() -> Path | None:
    """Folder of files to land (``SEAMLINE_LANDING``, by default the seeds).

    Empty means that another loader fills the raw tables, and there is nothing to land.
    """
    seeds = project_directory().parent / "seeds" / "raw"
    configured = os.environ.get("SEAMLINE_LANDING", str(seeds))
    return Path(configured).resolve() if configured else None


def build_landing(manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Return the raw tables that the project reads: landed by us, or known to be landed."""
    specs = [_raw_spec(source) for source in manifest["sources"].values()]
    folder = landing_folder()
    if folder is None:
        return list(specs)

    @dg.multi_asset(name="landing", specs=specs, pool=database_pool())
    def landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        try:
            report = load_folder(folder)
        except SeamlineError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key)

    return [landing]


def _raw_spec(source: Mapping[str, Any]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(source),
        group_name=GROUP,
        description=source["description"] or source["source_description"],
        kinds={"table"},
    )
