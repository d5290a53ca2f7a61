"""The raw tables as assets: one step lands the configured folder into all of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.defs.options import LaunchOptions, mendable
from orchestration.defs.resources import asset_key, code_link, database_pool
from orchestration.load import LoadReport, landing_folder, load_folder
from reverse_etl.contract.profile import read_profile

GROUP = "raw"
PREFIX = "raw_"


def build_landing(manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Return the raw tables that the project reads: landed by us, or known to be landed."""
    specs = [_raw_spec(source) for source in manifest["sources"].values()]
    folder = landing_folder()
    if folder is None:
        return list(specs)

    @dg.multi_asset(name="landing", specs=specs, pool=database_pool(), can_subset=True)
    def landing(
        context: dg.AssetExecutionContext, options: LaunchOptions
    ) -> Iterator[dg.MaterializeResult[None]]:
        chosen = sorted(context.selected_asset_keys)
        sources = {key.path[0].removeprefix(PREFIX) for key in chosen}
        with options.clock(), mendable():
            report = load_folder(folder, read_profile(), only=sources, on_wait=context.log.info)
        for key in chosen:
            yield dg.MaterializeResult(asset_key=key, metadata=_metadata(key, report))

    return [landing]


def _metadata(key: dg.AssetKey, report: LoadReport) -> dict[str, Any]:
    schema, table = key.path
    files = [
        file
        for file in report.files
        if (PREFIX + file.source_name, file.table_name) == (schema, table)
    ]
    return {
        "rows_landed": sum(file.row_count for file in files),
        "files_landed": sum(file.status == "landed" for file in files),
        "files_landed_before": sum(file.status == "skipped" for file in files),
        "new_columns": ", ".join(column for file in files for column in file.new_columns),
    }


def _raw_spec(source: Mapping[str, Any]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=asset_key(source),
        group_name=GROUP,
        description=source["description"] or source["source_description"],
        kinds={"table"},
        metadata=code_link(source),
    )
