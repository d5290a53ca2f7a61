"""The door: everything that Dagster runs and shows, from raw tables to channels."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.activation import build_syncs
from orchestration.defs.automation import daily, every_morning, executor
from orchestration.defs.landing import build_landing
from orchestration.defs.resources import dbt_resource
from orchestration.defs.warehouse import build_warehouse
from orchestration.parsing import parsed_manifest

_manifest = parsed_manifest()

defs = dg.Definitions(
    assets=[*build_landing(_manifest), build_warehouse(_manifest), *build_syncs(_manifest)],
    jobs=[daily],
    schedules=[every_morning],
    resources={"dbt": dbt_resource()},
    executor=executor,
)


def daily_job() -> dg.JobDefinition:
    """Return the one pipeline there is, for those who run it without Dagster's daemon."""
    return defs.resolve_job_def("daily")
