"""What the ledger knows about runs: begun, ended, cut short, lost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from reverse_etl.contract.project import Project, Sync
from reverse_etl.delivery.outcome import Outcome
from reverse_etl.ledger.commit import Tally
from reverse_etl.planning.guards import GuardVerdict
from reverse_etl.planning.plan import Plan, as_of, clock
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

Status = Literal["done", "refused", "rejected", "failed"]
SENDING = "sending"


@dataclass(frozen=True)
class SyncResult:
    """What one run did. ``added`` to ``appended`` count what was to be sent after the guards.

    ``acknowledged`` + ``rejected`` + ``skipped`` + ``pending`` is their sum; ``skipped`` is what
    the sync's options left alone at the channel. ``held_back`` is what consent, suppression, a
    guard or an earlier rejection kept from being sent.
    """

    run_id: str
    sync: str
    destination: str
    status: Status
    added: int = 0
    changed: int = 0
    removed: int = 0
    merged: int = 0
    appended: int = 0
    held_back: int = 0
    acknowledged: int = 0
    rejected: int = 0
    skipped: int = 0
    pending: int = 0
    guards: tuple[GuardVerdict, ...] = ()
    held_reasons: tuple[tuple[str, int], ...] = ()
    rejections: tuple[tuple[str, int], ...] = ()
    requests: int = 0
    retries: int = 0
    error: str = ""
    duration_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the result for ``--json``."""
        return asdict(self) | {
            "guards": [verdict.as_json() for verdict in self.guards],
            "held_reasons": dict(self.held_reasons),
            "rejections": dict(self.rejections),
        }


def begin_run(
    project: Project,
    sync: Sync,
    plan: Plan,
    warehouse: Warehouse,
    *,
    started_at: datetime,
    because: str = "",
    undoes: str | None = None,
) -> None:
    """Record that ``plan`` is about to be carried out.

    ``because`` is why guards are overridden, ``undoes`` the run that it takes back.
    """
    overrides = ", ".join(verdict.name for verdict in plan.guards if verdict.overridden)
    held = warehouse.rows(
        "select reason, count(*) from sync.sync_plan where operation = 'hold' "
        f"and run_id = {literal(plan.run_id)} group by 1 order by 2 desc, 1"
    )
    values = {
        "run_id": plan.run_id,
        "sync": sync.name,
        "destination": sync.destination,
        "connection": sync.connection,
        "mode": sync.mode,
        "target": project.profile.target,
        "status": SENDING,
        "held_back": sum(count for _, count in held),
        "guards": json.dumps([verdict.as_json() for verdict in plan.guards]),
        "overrides": f"{overrides}: {because}" if overrides and because else overrides,
        "held_reasons": json.dumps(dict(held)),
        "audiences": max(1, len(plan.audiences)),
        "undoes": undoes,
    }
    names = ", ".join(values)
    literals = ", ".join(literal(value) for value in values.values())
    warehouse.execute(
        f"insert into sync.sync_runs (run_number, started_at, {names}) select "
        f"{warehouse.dialect.next_run_number}, {_instant(started_at)}, {literals}"
    )


def end_run(
    sync: Sync,
    run_id: str,
    outcome: Outcome,
    tally: Tally,
    warehouse: Warehouse,
    *,
    warehouse_seconds: float,
) -> SyncResult:
    """Record how a run ended and for how long the warehouse worked for it, and return it."""
    started_at, held_back, guards, held_reasons = warehouse.rows(
        "select started_at, held_back, guards, held_reasons from sync.sync_runs "
        f"where run_id = {literal(run_id)}"
    )[0]
    verdicts = tuple(GuardVerdict.of_entry(entry) for entry in json.loads(guards))
    finished_at = clock()
    pending = tally.fates.get("uncertain", 0) + tally.fates.get("pending", 0)
    error = outcome.error
    if pending and not error:
        counted = f"{pending} record{'s' * (pending > 1)} got no verdict"
        error = f"{counted}{_why_open(outcome)}; the next run tries again"
    result = SyncResult(
        run_id=run_id,
        sync=sync.name,
        destination=sync.destination,
        status=_status(error, verdicts, tally),
        added=tally.operations.get("add", 0),
        changed=tally.operations.get("change", 0),
        removed=tally.operations.get("remove", 0),
        merged=tally.operations.get("merge", 0),
        appended=tally.operations.get("append", 0),
        held_back=held_back,
        acknowledged=tally.fates.get("acknowledged", 0),
        rejected=tally.fates.get("rejected", 0),
        skipped=tally.fates.get("skipped", 0),
        pending=pending,
        guards=verdicts,
        held_reasons=tuple(json.loads(held_reasons).items()),
        rejections=tally.rejections,
        requests=outcome.requests,
        retries=outcome.retries,
        error=error,
        duration_seconds=max(0.0, round((finished_at - started_at).total_seconds(), 3)),
    )
    counts = ("added", "changed", "removed", "merged", "appended")
    fates = ("acknowledged", "rejected", "skipped", "pending")
    numbers = (*counts, *fates, "requests", "retries", "duration_seconds")
    settings = [f"{name} = {getattr(result, name)}" for name in numbers]
    settings += [
        f"status = {literal(result.status)}",
        f"error = {literal(result.error or None)}",
        f"rejections = {literal(json.dumps(dict(result.rejections)))}",
        f"finished_at = {_instant(finished_at)}",
        f"as_of = {_instant(as_of())}",
        f"warehouse_seconds = {warehouse_seconds:.3f}",
    ]
    warehouse.execute(
        f"update sync.sync_runs set {', '.join(settings)} where run_id = {literal(run_id)}"
    )
    return result


def unfinished_runs(sync: Sync, warehouse: Warehouse) -> list[str]:
    """Return the runs that were begun and never ended."""
    rows = warehouse.rows(
        f"select run_id from sync.sync_runs where sync = {literal(sync.name)} "
        f"and status = {literal(SENDING)} order by run_number"
    )
    return [run_id for (run_id,) in rows]


def lost_outcome() -> Outcome:
    """Return what is known of a run whose spool is gone with its disk: anything may have left."""
    reason = "the run's local disk is gone"
    outcome = Outcome(error=reason)
    outcome.doubt_the_rest("spool_lost", reason)
    return outcome


def _why_open(outcome: Outcome) -> str:
    """Return, in parentheses, why a record of those without a verdict has none."""
    reasons = (each.reason for each in outcome.endings if each.fate in ("uncertain", "pending"))
    reason = next(filter(None, reasons), outcome.reason)
    return f" ({reason})" if reason else ""


def _status(error: str, guards: tuple[GuardVerdict, ...], tally: Tally) -> Status:
    if error:
        return "failed"
    if any(not verdict.passed and not verdict.overridden for verdict in guards):
        return "refused"
    return "rejected" if tally.open_rejections else "done"


def _instant(value: datetime) -> str:
    return f"cast({literal(value.isoformat(sep=' '))} as timestamp)"
