"""The door: everything that Dagster runs and shows, from raw tables to channels."""

from __future__ import annotations

import dagster as dg

from orchestration.column_lineage import published_lineage
from orchestration.defs.activation import build_syncs
from orchestration.defs.alerts import build_alerts
from orchestration.defs.automation import daily, every_morning, executor
from orchestration.defs.decisions import with_decisions
from orchestration.defs.freshness import with_freshness
from orchestration.defs.history import build_history
from orchestration.defs.landing import build_landing
from orchestration.defs.lifetime_fit import build_lifetime_fit
from orchestration.defs.micro_batch import build_micro_batch
from orchestration.defs.options import LaunchOptions
from orchestration.defs.resources import WarmDbtResource
from orchestration.defs.warehouse import build_warehouse
from orchestration.parsing import parsed_manifest
from reverse_etl.home import home_directory

_manifest = parsed_manifest()
_micro_batch, _changes = build_micro_batch(_manifest)

_fits, _every_month = build_lifetime_fit()
_history, _backfill = build_history(_manifest)
_assets = [
    *build_landing(_manifest),
    build_warehouse(_manifest),
    *build_syncs(_manifest),
    _fits,
    _history,
]
_lineage = published_lineage(home_directory() / "manifest.json")


def _shown(spec: dg.AssetSpec) -> dg.AssetSpec:
    return with_decisions(with_freshness(spec), _lineage)


defs = dg.Definitions(
    assets=dg.map_asset_specs(_shown, _assets),
    jobs=[daily, _micro_batch, _backfill],
    schedules=[every_morning, _every_month],
    sensors=[_changes, *build_alerts()],
    resources={"dbt": WarmDbtResource(), "options": LaunchOptions()},
    executor=executor(),
)


def daily_job() -> dg.JobDefinition:
    """Return the one pipeline there is, for those who run it without Dagster's daemon."""
    return defs.resolve_job_def("daily")
