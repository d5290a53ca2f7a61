"""Run the daily job here and now, in this process, and tell how it went.

It is the job that the schedule runs; there is no other definition of the pipeline.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.local import dagster_home

# Only failures are printed; Dagster keeps the whole log, and shows it in its UI. Whoever runs the
# job here waits for it, and can start it again.
_CONFIG = {
    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    "execution": {"config": {"tries_again": False}},
}


_CHANNELS, _PLANS = "channels__", "plans__"


@dataclass(frozen=True)
class Ran:
    """How a run of the job went."""

    is_success: bool
    is_built: bool  # the tables are there; a test may have failed, and a sync been refused
    failures: list[str]
    steps: dict[str, float]
    syncs: dict[str, dict[str, Any]]
    seconds: float


def run_daily(
    part: dg.AssetSelection | None = None, options: Mapping[str, Any] | None = None
) -> Ran:
    """Run the daily job, or only a part of its assets, with ``LaunchOptions`` by name."""
    # Imported now, since the definitions read the environment that was settled just before.
    from orchestration.definitions import daily_job, defs  # noqa: PLC0415

    begun = time.monotonic()
    chosen = sorted(part.resolve(defs.resolve_asset_graph())) if part else None
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    with dg.execute_job(
        dg.reconstructable(daily_job),
        instance,
        run_config=_CONFIG | {"resources": {"options": {"config": dict(options or {})}}},
        asset_selection=chosen,
    ) as result:
        return _read(result, time.monotonic() - begun)


def _read(result: dg.JobExecutionResult, seconds: float) -> Ran:
    is_built = True
    failures: list[str] = []
    steps: dict[str, float] = {}
    syncs: dict[str, dict[str, Any]] = {}
    for event in result.all_events:
        step = str(event.step_key).removeprefix(_CHANNELS)
        if event.is_step_success:
            steps[step] = event.step_success_data.duration_ms / 1000
        elif event.is_step_failure:
            told = event.step_failure_data.user_failure_data
            why = told.description if told else event.step_failure_data.error_display_string
            failures.append(f"{step.removeprefix(_PLANS)}: {why}")
            # A step that failed by our own word has done its work; anything else stopped it.
            is_built = is_built and told is not None and step != "landing"
            if told and told.metadata:
                syncs[step.removeprefix(_PLANS)] = _plain(told.metadata)
        elif event.is_step_materialization and str(event.step_key).startswith(_CHANNELS):
            syncs[step] = _plain(event.step_materialization_data.materialization.metadata)
    return Ran(result.success, is_built, failures, steps, dict(sorted(syncs.items())), seconds)


def _plain(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}
