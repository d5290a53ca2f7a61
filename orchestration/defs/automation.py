"""When the pipeline runs: one job over everything, once a day. ``make demo`` runs the same job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.defs.history import HISTORY
from orchestration.defs.lifetime_fit import FITS

EVERYTHING_DAILY = dg.AssetSelection.all() - dg.AssetSelection.assets(FITS, HISTORY)


@dg.configured(
    dg.in_process_executor,
    config_schema={
        "tries_again": dg.Field(
            bool, default_value=True, description="Try a step again whose trouble may pass."
        )
    },
)
def one_process(config: Mapping[str, Any]) -> dict[str, Any]:
    """Run all steps in one process, since DuckDB lets one process write.

    A step starts as soon as what it reads is there: a failed test elsewhere in the warehouse does
    not hold back a healthy sync.
    """
    return {
        "retries": {"enabled" if config["tries_again"] else "disabled": {}},
        "step_dependency_config": {"require_upstream_step_success": False},
    }


daily = dg.define_asset_job(
    "daily",
    selection=EVERYTHING_DAILY,
    description="Land what arrived, build and test every model, send what changed.",
)

every_morning = dg.ScheduleDefinition(
    name="every_morning",
    job=daily,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    description="The whole pipeline, before the working day begins.",
)
