"""The sensors that alert of runs: what happened, and what to do next."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from orchestration.alert_webhook import ADDRESS, send
from orchestration.defs.activation import ACCEPTED, GROUP
from orchestration.troubles import REJECTED_FRACTION

_LONGEST_LINES = 12


def build_alerts() -> list[dg.SensorDefinition]:
    """Return the sensors: switched on where there is an address to send to."""
    is_on = bool(os.environ.get(ADDRESS))
    status = dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name="alert_of_failures",
        default_status=status,
        description="A run failed, or a guard refused a sync: says why, and what to do next.",
    )
    def failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        return _tell(
            context, [*failure_lines(_events(context)), *rejection_lines(_events(context))]
        )

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_of_rejections",
        default_status=status,
        description=f"A channel rejected more than {REJECTED_FRACTION:.0%} of its records.",
    )
    def rejections(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        return _tell(context, list(rejection_lines(_events(context))))

    return [failures, rejections]


def failure_lines(events: Iterable[dg.DagsterEvent]) -> Iterator[str]:
    """Yield why each step failed; a sync's reason says what to do next."""
    for event in events:
        if event.is_step_failure:
            told = event.step_failure_data.user_failure_data
            error = event.step_failure_data.error
            why = (told and told.description) or (error.message if error else "") or "no reason"
            yield f"*{event.step_key}*: {_shortened(why)}"


def rejection_lines(events: Iterable[dg.DagsterEvent]) -> Iterator[str]:
    """Yield the syncs of which a channel rejected too large a part."""
    for event in events:
        if event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        check = event.asset_check_evaluation_data
        if check.check_name != ACCEPTED or check.asset_key.path[0] != GROUP:
            continue
        figures: dict[str, Any] = {name: value.value for name, value in check.metadata.items()}
        fraction = float(figures["rejected_fraction"])
        if fraction > REJECTED_FRACTION:
            sync = check.asset_key.path[-1]
            yield (
                f"*{sync}*: the channel rejected {figures['rejected']} records "
                f"({fraction:.1%}).\n{figures['rejections']}\n"
                f"Which, and why: seamline status --select {sync}"
            )


def _events(context: dg.RunStatusSensorContext) -> list[dg.DagsterEvent]:
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    entries = context.instance.all_logs(context.dagster_run.run_id, of_type=kinds)
    return [entry.dagster_event for entry in entries if entry.dagster_event]


def _tell(context: dg.RunStatusSensorContext, lines: list[str]) -> dg.SkipReason | None:
    if not lines and context.dagster_run.is_success:
        return dg.SkipReason("Nothing to tell.")
    address = os.environ.get(ADDRESS)
    if not address:
        return dg.SkipReason(f"There is nobody to tell: set {ADDRESS} to a webhook's address.")
    run = context.dagster_run
    head = f"Seamline: run {run.run_id[:8]} of `{run.job_name}` {_WORDS[run.is_success]}."
    tail = f"Its page: {_site()}/runs/{run.run_id}"
    send(address, {"text": "\n\n".join([head, *lines, tail])})
    return None


_WORDS = {True: "ended with rejected records", False: "failed"}


def _site() -> str:
    """Return where people open Dagster's pages."""
    return os.environ.get("SEAMLINE_DAGSTER_URL", "http://127.0.0.1:3000").rstrip("/")


def _shortened(text: str) -> str:
    lines = text.strip().splitlines()
    rest = (
        [f"… and {len(lines) - _LONGEST_LINES} more lines"] if len(lines) > _LONGEST_LINES else []
    )
    return "\n".join([*lines[:_LONGEST_LINES], *rest])
