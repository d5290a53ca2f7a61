"""Segment history by day, as a partitioned asset: backfill the days that you want to know about."""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.defs.options import LaunchOptions, mendable
from orchestration.defs.resources import asset_key, database_pool
from orchestration.history import TABLE, open_for_writing, write_day

HISTORY = dg.AssetKey(TABLE.split("."))
DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01")


def build_history(
    manifest: Mapping[str, Any],
) -> "tuple[dg.AssetsDefinition, dg.UnresolvedAssetJobDefinition]":
    """Return the asset, a partition per day, and the job over it."""
    read = [
        asset_key(node)
        for node in manifest["nodes"].values()
        if node["config"].get("meta", {}).get("segment")
    ]

    def segment_days(context: dg.AssetExecutionContext, options: LaunchOptions) -> None:
        say = context.log.info
        with (
            options.project() as project,
            mendable(),
            open_for_writing(project, say) as warehouse,
        ):
            for key in context.partition_keys:
                day = DAYS.time_window_for_partition_key(key).start.date()
                sizes = write_day(project, warehouse, day)
                say("%s: %s", day, sizes)
                members = {f"members_{name}": size for name, size in sizes.items()}
                context.add_asset_metadata(members, partition_key=key)

    with warnings.catch_warnings():
        # Backfill policies are called beta; without one, each day would be a run of its own.
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        asset = dg.asset(
            segment_days,
            key=HISTORY,
            deps=read,
            partitions_def=DAYS,
            backfill_policy=dg.BackfillPolicy.single_run(),
            group_name="segments",
            owners=["crm@example.com"],
            description="Who was in each segment at the end of each day, told by what is known "
            "now. Backfill the days you want: a new segment's memory begins with its first build.",
            kinds={"table"},
            pool=database_pool(),
        )
    job = dg.define_asset_job(
        "segment_history",
        selection=dg.AssetSelection.assets(HISTORY),
        description="Replay the segments as of the end of past days. Builds and sends nothing.",
    )
    return asset, job
