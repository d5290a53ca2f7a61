"""The plan: what a sync would do, as a relation in the warehouse and as counts to look at."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from reverse_etl.candidates import Scope
from reverse_etl.dialect import literal
from reverse_etl.diff import EMPTY_KEY, REPEATED_KEY, Diff
from reverse_etl.errors import SeamlineError
from reverse_etl.guards import (
    Counts,
    GuardVerdict,
    Sight,
    look_at_plan,
    look_before_planning,
)
from reverse_etl.privacy import permission
from reverse_etl.project import Project, Sync
from reverse_etl.rekey import rekey
from reverse_etl.warehouse import Warehouse


@dataclass(frozen=True)
class Plan:
    """What one run would do. ``sync.sync_plan`` holds its rows under ``run_id``."""

    run_id: str
    sync: str
    destination: str
    object: str
    mode: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    appended: int = 0
    held_back: int = 0
    owed: int = 0  # removals that pass every guard
    held_reasons: tuple[tuple[str, int], ...] = ()
    changed_fields: tuple[tuple[str, int], ...] = ()
    audiences: tuple[tuple[str, int, int, int], ...] = ()  # name, added, changed, removed
    guards: tuple[GuardVerdict, ...] = ()
    sending: dict[str, int] = field(default_factory=dict)  # by operation, once guards have spoken
    diff: Diff | None = field(default=None, repr=False, compare=False)

    @property
    def refusals(self) -> tuple[GuardVerdict, ...]:
        """The guards that refuse and are not overridden."""
        return tuple(v for v in self.guards if not v.passed and not v.overridden)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do, guards or not."""
        return not (self.added or self.changed or self.removed or self.appended)

    @property
    def sendable(self) -> str:
        """The condition on ``sync_plan`` for the rows of this run that may leave."""
        return f"run_id = {literal(self.run_id)} and operation <> 'hold'"

    def as_json(self) -> dict[str, Any]:
        """Return the plan for ``--json``."""
        return {
            "sync": self.sync,
            "run_id": self.run_id,
            "destination": self.destination,
            "object": self.object,
            "mode": self.mode,
            "added": self.added,
            "changed": self.changed,
            "removed": self.removed,
            "appended": self.appended,
            "held_back": self.held_back,
            "owed_removals": self.owed,
            "held_reasons": dict(self.held_reasons),
            "changed_fields": dict(self.changed_fields),
            "audiences": {
                name: {"added": added, "changed": changed, "removed": removed}
                for name, added, changed, removed in self.audiences
            },
            "guards": [verdict.as_json() for verdict in self.guards],
            "refused": bool(self.refusals),
        }


def clock() -> datetime:
    """Return the present instant: UTC, without a time zone, as the warehouse keeps times."""
    return datetime.now(UTC).replace(tzinfo=None)


def as_of() -> datetime:
    """Return the instant that data is judged by: ``SEAMLINE_AS_OF``, else now."""
    configured = os.environ.get("SEAMLINE_AS_OF")
    if not configured:
        return clock()
    try:
        instant = datetime.fromisoformat(configured)
    except ValueError:
        raise SeamlineError(
            f"SEAMLINE_AS_OF is '{configured}'; write it as 2026-11-01T00:00:00."
        ) from None
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def new_run_id() -> str:
    """Return an id that sorts by time and never repeats, whatever the clock does."""
    return f"{clock():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def make_plan(
    project: Project,
    sync: Sync,
    warehouse: Warehouse,
    overrides: Collection[str] = (),
    only: str | None = None,
) -> Plan:
    """Write the sync's plan into ``sync.sync_plan`` and return what is in it."""
    sight = Sight(project, sync, warehouse, as_of(), warehouse.columns(sync.relation))
    before = look_before_planning(sight)
    diff = Diff(
        sync=sync,
        run_id=new_run_id(),
        dialect=warehouse.dialect,
        permission=permission(sync, project.purposes, project.manifest, warehouse),
        types=_readable(sync, sight.types),
        is_first=not _holds_anything(sync, warehouse),
        scope=Scope.of_key(only) if only is not None else None,
    )
    warehouse.execute(
        f"delete from sync.sync_plan where sync = {literal(sync.name)} and run_id not in "
        "(select run_id from sync.sync_runs where status = 'sending')"
    )
    for statement in diff.statements():
        warehouse.execute(statement)
    rekey(sync, diff.run_id, warehouse)
    plan = _count(
        Plan(diff.run_id, sync.name, sync.destination, sync.object.name, sync.mode), warehouse
    )
    reasons = dict(plan.held_reasons)
    sight = replace(
        sight,
        row_count=_row_count(diff, warehouse),
        counts=_counts(plan, warehouse),
        empty_keys=reasons.get(EMPTY_KEY, 0),
        repeated_keys=reasons.get(REPEATED_KEY, 0),
    )
    verdicts = before + look_at_plan(sight)
    _refuse_unknown_guards(overrides, verdicts)
    guards = tuple(replace(v, overridden=v.name in overrides and not v.passed) for v in verdicts)
    plan = replace(plan, guards=guards, diff=diff)
    _hold_refused(plan, warehouse)
    return replace(plan, sending=_sending(plan, warehouse))


def _readable(sync: Sync, types: dict[str, str]) -> dict[str, str]:
    """Return the columns if rows can be read by them at all; the drift guard says so if not."""
    needed = set(sync.key) | ({"audience", "purpose", "person_id"} if sync.is_audience else set())
    return types if needed <= set(types) else {}


def _holds_anything(sync: Sync, warehouse: Warehouse) -> bool:
    return bool(
        warehouse.rows(
            f"select 1 from sync.sync_snapshot where sync = {literal(sync.name)} limit 1"
        )
    )


def _count(plan: Plan, warehouse: Warehouse) -> Plan:
    mine = f"from sync.sync_plan where run_id = {literal(plan.run_id)}"
    totals: dict[str, int] = {}
    owed = 0
    audiences: dict[str, dict[str, int]] = {}
    for operation, audience, is_owed, count in warehouse.rows(
        f"select operation, audience, is_owed, count(*) {mine} group by 1, 2, 3 order by 2, 1"
    ):
        totals[operation] = totals.get(operation, 0) + count
        owed += count if is_owed else 0
        if audience and operation != "hold":
            counts = audiences.setdefault(audience, {})
            counts[operation] = counts.get(operation, 0) + count
    held = warehouse.rows(
        f"select reason, count(*) {mine} and operation = 'hold' group by 1 order by 2 desc, 1"
    )
    changed: dict[str, int] = {}
    for fields, count in warehouse.rows(
        f"select changed_fields, count(*) {mine} and operation = 'change' group by 1"
    ):
        for name in fields.split(", "):
            changed[name] = changed.get(name, 0) + count
    return replace(
        plan,
        added=totals.get("add", 0),
        changed=totals.get("change", 0),
        removed=totals.get("remove", 0),
        appended=totals.get("append", 0),
        held_back=totals.get("hold", 0),
        owed=owed,
        held_reasons=tuple((reason, count) for reason, count in held),
        changed_fields=tuple(sorted(changed.items(), key=lambda item: (-item[1], item[0]))),
        audiences=tuple(
            (name, counts.get("add", 0), counts.get("change", 0), counts.get("remove", 0))
            for name, counts in audiences.items()
        ),
    )


def _hold_refused(plan: Plan, warehouse: Warehouse) -> None:
    """Keep what a guard refuses from leaving, but for what is owed to someone."""
    if not plan.refusals:
        return
    audiences = {verdict.audience for verdict in plan.refusals}
    names = ", ".join(sorted({verdict.name for verdict in plan.refusals}))
    concerned = "" if "" in audiences else f" and audience in ({_literals(audiences)})"
    warehouse.execute(
        f"update sync.sync_plan set operation = 'hold', reason = {literal(f'guard: {names}')}, "
        f"match = null, sent_match = null where {plan.sendable} and not is_owed{concerned}"
    )


def _literals(values: Collection[str]) -> str:
    return ", ".join(literal(value) for value in sorted(values))


def _sending(plan: Plan, warehouse: Warehouse) -> dict[str, int]:
    query = f"select operation, count(*) from sync.sync_plan where {plan.sendable} group by 1"
    return dict(warehouse.rows(query))


def _row_count(diff: Diff, warehouse: Warehouse) -> int:
    if not diff.types:
        return 0
    return int(warehouse.rows(f"select count(*) from {diff.sync.relation}")[0][0])


def _counts(plan: Plan, warehouse: Warehouse) -> dict[str, Counts]:
    removed = dict(
        warehouse.rows(
            f"select audience, count(*) from sync.sync_plan where run_id = {literal(plan.run_id)} "
            "and operation = 'remove' and not is_owed group by 1"
        )
    )
    held = warehouse.rows(
        "select audience, count(*) from sync.sync_snapshot "
        f"where sync = {literal(plan.sync)} group by 1 order by 1"
    )
    return {audience: Counts(count, removed.get(audience, 0)) for audience, count in held}


def _refuse_unknown_guards(overrides: Collection[str], verdicts: Collection[GuardVerdict]) -> None:
    known = {verdict.name for verdict in verdicts}
    unknown = sorted(set(overrides) - known)
    if unknown:
        raise SeamlineError(
            f"--override: there is no guard '{unknown[0]}'; known: {', '.join(sorted(known))}."
        )
