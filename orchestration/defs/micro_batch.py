"""The micro-batch loop: what landed, or fell due, is built and sent; nothing else is.

The sensor asks for a run over the tables that changed and everything below them, plans and syncs
included. A request names the state that it answers, so that no state is answered twice, and a build
that keeps failing is not repeated until something changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.arrivals import Known, Table, changed_files, due_models, uncounted_rows
from orchestration.defs.automation import EVERYTHING_DAILY
from orchestration.defs.landing import PREFIX
from orchestration.defs.resources import asset_key
from orchestration.load import landing_folder
from reverse_etl.contract.profile import read_profile
from reverse_etl.home import home_directory
from reverse_etl.planning.plan import as_of
from reverse_etl.warehouse.opening import open_warehouse
from reverse_etl.warehouse.session import WarehouseError

NAME = "micro_batch"
_EVERY_SECONDS = 15
_UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def build_micro_batch(
    manifest: Mapping[str, Any],
) -> tuple[dg.UnresolvedAssetJobDefinition, dg.SensorDefinition]:
    """Return the job, and the sensor that says over which assets it runs."""
    job = dg.define_asset_job(
        NAME,
        selection=EVERYTHING_DAILY,
        description="Land, build and send what changed since the last build.",
    )

    @dg.sensor(
        name="changes",
        job=job,
        minimum_interval_seconds=_EVERY_SECONDS,
        description="Looks for files and rows that no build has taken up, and for people whose "
        "instant has passed (a cart becomes abandoned by nothing happening).",
    )
    def changes(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if context.instance.get_runs_count(dg.RunsFilter(statuses=list(_UNDER_WAY))):
            return dg.SkipReason("A run is under way; what arrives meanwhile is taken up after it.")
        known: Known = json.loads(context.cursor) if context.cursor else {}
        try:
            state, landing, changed, files = _look(manifest, known)
        except WarehouseError as error:
            return dg.SkipReason(f"{error} Asked again in {_EVERY_SECONDS} seconds.")
        cursor = json.dumps(files)
        if not (landing or changed):
            return dg.SensorResult(skip_reason="Nothing has changed.", cursor=cursor)
        assert context.repository_def
        graph = context.repository_def.asset_graph
        below = dg.AssetSelection.assets(*landing, *changed).downstream().resolve(graph)
        chosen = below & EVERYTHING_DAILY.resolve(graph) & graph.executable_asset_keys
        chosen = {key for key in chosen if key in landing or not key.path[0].startswith(PREFIX)}
        request = dg.RunRequest(
            run_key=hashlib.sha256(json.dumps(state).encode()).hexdigest(),
            asset_selection=sorted(chosen),
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return job, changes


def _look(
    manifest: Mapping[str, Any], known: Known
) -> tuple[list[Any], set[dg.AssetKey], set[dg.AssetKey], Known]:
    """Return the state, the tables to land, the assets that changed, and the files as they are.

    Raises:
        WarehouseError: another process is writing the warehouse.
    """
    folder = landing_folder()
    sources = {str(source["schema"]).removeprefix(PREFIX) for source in _sources(manifest)}
    landing: set[Table] = set()
    files: Known = {}
    if folder is not None:
        landing, files = changed_files(folder, sources, known)
        landing &= {(source["schema"], source["identifier"]) for source in _sources(manifest)}
    rows, due = {}, {}
    profile = read_profile()
    if profile.dialect != "duckdb" or Path(profile.settings["path"]).is_file():
        with open_warehouse(profile, home_directory(), patience=0) as warehouse:
            rows = uncounted_rows(manifest, warehouse)
            due = due_models(manifest, warehouse, as_of())
    state = [
        sorted(entry for entry in files.items() if known.get(entry[0]) != entry[1]),
        sorted((*table, count) for table, count in rows.items()),
        sorted((model, instant.isoformat()) for model, instant in due.items()),
    ]
    changed = {dg.AssetKey(list(table)) for table in rows}
    changed |= {asset_key(manifest["nodes"][model]) for model in due}
    return state, {dg.AssetKey(list(table)) for table in landing}, changed, files


def _sources(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(manifest["sources"].values())
