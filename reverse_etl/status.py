"""Questions to the ledger: how every sync stands, and what a plan holds row by row."""

from __future__ import annotations

import json
from typing import Any

from reverse_etl.contract.project import Project
from reverse_etl.conversation.verdicts import readable
from reverse_etl.errors import SeamlineError
from reverse_etl.sync import ledger
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

RUN_COLUMNS = (
    "run_id",
    "status",
    "started_at",
    "added",
    "changed",
    "removed",
    "appended",
    "held_back",
    "acknowledged",
    "rejected",
    "pending",
    "guards",
    "overrides",
    "error",
)


def sync_status(project: Project, names: list[str]) -> list[dict[str, Any]]:
    """Return, per sync, its last run, what the channel holds, and what it refuses to take."""
    with ledger(project) as warehouse:
        return [_status(project, warehouse, name) for name in names]


def _status(project: Project, warehouse: Warehouse, name: str) -> dict[str, Any]:
    sync = project.sync(name)
    this = f"where sync = {literal(name)}"
    runs = warehouse.rows(
        f"select {', '.join(RUN_COLUMNS)} from sync.sync_runs {this} "
        "order by run_number desc limit 1"
    )
    run = dict(zip(RUN_COLUMNS, runs[0], strict=True)) if runs else None
    if run is not None:
        run["started_at"] = run["started_at"].isoformat(timespec="seconds")
        run["guards"] = [entry for entry in json.loads(run["guards"]) if not entry["passed"]]
    rejections = warehouse.rows(
        "select key, audience, operation, code, reason, attempts, is_permanent "
        f"from sync.sync_rejected {this} order by rejected_at desc, key limit 20"
    )
    return {
        "sync": name,
        "label": sync.label,
        "destination": sync.destination,
        "mode": sync.mode,
        "held": warehouse.rows(f"select count(*) from sync.sync_snapshot {this}")[0][0],
        "audiences": {
            audience: {"label": label, "members": members}
            for audience, label, members in warehouse.rows(
                "select audiences.audience, max(label), count(snapshot.key) "
                "from sync.sync_audiences as audiences left join sync.sync_snapshot as snapshot "
                "on snapshot.sync = audiences.sync and snapshot.audience = audiences.audience "
                f"where audiences.sync = {literal(name)} group by 1 order by 1"
            )
        },
        "open_rejections": warehouse.rows(f"select count(*) from sync.sync_rejected {this}")[0][0],
        "rejections": [
            {
                "key": readable(key),
                "audience": audience,
                "operation": operation,
                "code": code,
                "reason": reason,
                "attempts": attempts,
                "is_permanent": is_permanent,
            }
            for key, audience, operation, code, reason, attempts, is_permanent in rejections
        ],
        "last_run": run,
    }


def sync_of_run(project: Project, run_id: str) -> str:
    """Return the name of the sync that a run was of.

    Raises:
        SeamlineError: the ledger has no such run.
    """
    with ledger(project) as warehouse:
        runs = warehouse.rows("select run_id, sync from sync.sync_runs order by run_number desc")
    found = dict(runs)
    if run_id not in found:
        latest = ", ".join(f"{run} ({sync})" for run, sync in runs[:3]) or "none"
        raise SeamlineError(f"--undo: there is no run '{run_id}'; the latest: {latest}.")
    return str(found[run_id])


def planned_rows(project: Project, run_id: str, most: int) -> list[dict[str, Any]]:
    """Return some rows of a plan, addresses masked: of each operation and audience in turn."""
    with ledger(project) as warehouse:
        rows = warehouse.rows(
            "select operation, audience, key, changed_fields, reason from (select *, row_number() "
            "over (partition by operation, audience order by key) as place from sync.sync_plan "
            f"where run_id = {literal(run_id)}) as ranked "
            f"order by place, operation, audience limit {most}"
        )
    return [
        {
            "operation": operation,
            "audience": audience,
            "key": readable(key),
            "changed_fields": changed_fields,
            "reason": reason,
        }
        for operation, audience, key, changed_fields, reason in rows
    ]
