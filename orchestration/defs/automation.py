"""When the pipeline runs: one job over everything, once a day. ``make demo`` runs the same job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.defs.history import HISTORY
from orchestration.defs.lifetime_fit import FITS
from reverse_etl.contract.profile import read_profile

EVERYTHING_DAILY = dg.AssetSelection.all() - dg.AssetSelection.assets(FITS, HISTORY)


_TRIES_AGAIN = dg.Field(
    bool, default_value=True, description="Try a step again whose trouble may pass."
)


@dg.configured(dg.in_process_executor, config_schema={"tries_again": _TRIES_AGAIN})
def one_process(config: Mapping[str, Any]) -> dict[str, Any]:
    """Run all steps in one process, since DuckDB lets one process write."""
    return _steps(config)


@dg.configured(
    dg.multiprocess_executor,
    config_schema={
        "tries_again": _TRIES_AGAIN,
        "at_once": dg.Field(int, default_value=4, description="Steps that may run at once."),
    },
)
def many_processes(config: Mapping[str, Any]) -> dict[str, Any]:
    """Run plans and syncs side by side, where the warehouse is a server."""
    # The processes are forked from one that has loaded the project.
    preloaded = {"forkserver": {"preload_modules": ["orchestration.definitions"]}}
    return {
        **_steps(config),
        "max_concurrent": config["at_once"],
        "start_method": preloaded,
    }


def _steps(config: Mapping[str, Any]) -> dict[str, Any]:
    """Let a step start as soon as what it reads is there.

    A failed test elsewhere in the warehouse does not hold back a healthy sync.
    """
    return {
        "retries": {"enabled" if config["tries_again"] else "disabled": {}},
        "step_dependency_config": {"require_upstream_step_success": False},
    }


def executor() -> dg.ExecutorDefinition:
    """Return how steps run on the profile's warehouse."""
    return one_process if read_profile().dialect == "duckdb" else many_processes


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
