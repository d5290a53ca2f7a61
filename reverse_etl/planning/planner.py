"""Planning: from a sync's relation and the ledger to a plan, through every guard."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from reverse_etl.contract.project import Project, Sync
from reverse_etl.conversation.verdicts import readable
from reverse_etl.errors import SeamlineError
from reverse_etl.planning.candidates import Scope
from reverse_etl.planning.caps import hold_capped
from reverse_etl.planning.diff import Diff
from reverse_etl.planning.facing import EMPTY_KEY, REPEATED_KEY
from reverse_etl.planning.guards import (
    Counts,
    GuardVerdict,
    Sight,
    look_at_plan,
    look_before_planning,
)
from reverse_etl.planning.merges import plan_merges
from reverse_etl.planning.paused import hold_paused, paused_audiences
from reverse_etl.planning.plan import Plan, as_of, held, new_run_id
from reverse_etl.planning.privacy import permission
from reverse_etl.planning.rekey import rekey
from reverse_etl.planning.undo import Undo
from reverse_etl.planning.whole import must_take_wholes, plan_wholes
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse


def make_plan(
    project: Project,
    sync: Sync,
    warehouse: Warehouse,
    *,
    overrides: Collection[str] = (),
    only: str | None = None,
    undo: Undo | None = None,
    replaces: bool = False,
    touched_since: datetime | None = None,
) -> Plan:
    """Write the sync's plan into ``sync.sync_plan`` and return what is in it.

    Raises:
        SeamlineError: nothing can be planned: no record has the key ``only``, the ledger has no
            run to ``undo``, an override names no guard, the channel ``replaces`` no audience.
    """
    if replaces:
        must_take_wholes(sync, is_part=only is not None or undo is not None)
    sight = Sight(project, sync, warehouse, as_of(), warehouse.columns(sync.relation))
    before = look_before_planning(sight)
    scope = Scope.of_key(only) if only is not None else None
    if undo:
        scope = undo.scope(sync, warehouse)
    elif touched_since is not None:
        scope = Scope.of_touched(touched_since)
    diff = Diff(
        sync=sync,
        run_id=new_run_id(),
        dialect=warehouse.dialect,
        permission=permission(sync, project.purposes, project.manifest, warehouse),
        types=_readable(sync, sight.types),
        is_first=not _holds_anything(sync, warehouse),
        scope=scope,
    )
    warehouse.execute(
        f"delete from sync.sync_plan where sync = {literal(sync.name)} and run_id not in "
        "(select run_id from sync.sync_runs where status = 'sending')"
    )
    for statement in diff.statements():
        warehouse.execute(statement)
    if undo:
        undo.hold_the_rest(sync, diff.run_id, warehouse)
    elif not diff.is_first:
        rekey(diff.candidates, diff.run_id, warehouse)
        if scope is None or scope.has_whole_people:
            plan_merges(diff.candidates, diff.run_id, project.manifest, warehouse)
    hold_capped(sight, diff.run_id)
    paused = paused_audiences(sync, project.manifest, sight.now)
    hold_paused(paused, diff.run_id, warehouse)
    if replaces:
        plan_wholes(diff, warehouse)
    plan = _count(
        Plan(
            diff.run_id,
            sync.name,
            sync.destination,
            sync.object.name,
            sync.mode,
            replaces=replaces,
        ),
        warehouse,
    )
    plan = _with_coverage(plan, diff, warehouse)
    if only is not None and plan.is_empty and not plan.held_back:
        _must_exist(only, diff, warehouse)
    reasons = dict(plan.held_reasons)
    sight = replace(
        sight,
        row_count=_row_count(diff, warehouse),
        counts=_counts(plan, paused, warehouse),
        empty_keys=reasons.get(EMPTY_KEY, 0),
        repeated_keys=reasons.get(REPEATED_KEY, 0),
    )
    verdicts = before + look_at_plan(sight)
    _refuse_unknown_guards(overrides, verdicts)
    guards = tuple(replace(v, overridden=v.name in overrides and not v.passed) for v in verdicts)
    plan = replace(plan, guards=guards, diff=diff)
    _hold_refused(plan, warehouse)
    sending = _sending(plan, warehouse)
    takes_all = diff.is_first and sum(sending.values()) == sight.row_count
    return replace(plan, sending=sending, takes_all=takes_all)


def _must_exist(key: str, diff: Diff, warehouse: Warehouse) -> None:
    known = diff.types and warehouse.rows(f"select 1 from ({diff.candidates.query()}) as found")
    held = f"select 1 from sync.sync_snapshot where sync = {literal(diff.sync.name)}"
    if not known and not warehouse.rows(f"{held} and key = {literal(key)}"):
        raise SeamlineError(
            f"--only: no record of sync '{diff.sync.name}' has the key '{readable(key)}', neither "
            f"in {diff.sync.relation} nor at the channel."
        )


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
        merged=totals.get("merge", 0),
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
        f"update sync.sync_plan set {held(f'guard: {names}')} "
        f"where {plan.sendable} and not is_owed{concerned}"
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


def _with_coverage(plan: Plan, diff: Diff, warehouse: Warehouse) -> Plan:
    """Predict whom a channel can find, where it is sent hashes and will not say whom it found."""
    usable = diff.candidates.usable() if diff.sync.object.hashed else {}
    if not usable:
        return plan
    counted = {**usable, "any": f"({' or '.join(usable.values())})"}
    sums = ", ".join(f"coalesce(sum(case when {each} then 1 else 0 end), 0)"
                     for each in counted.values())  # fmt: skip
    query = f"select count(*), {sums} from {diff.sync.relation} as relation"
    rows, *found = map(int, warehouse.rows(query)[0])
    return replace(plan, match_rows=rows, match_coverage=tuple(zip(counted, found, strict=True)))


def _counts(plan: Plan, paused: Collection[str], warehouse: Warehouse) -> dict[str, Counts]:
    removed = dict(
        warehouse.rows(
            f"select audience, count(*) from sync.sync_plan where run_id = {literal(plan.run_id)} "
            "and operation in ('remove', 'merge') and not is_owed group by 1"
        )
    )
    held = warehouse.rows(
        "select audience, count(*) from sync.sync_snapshot "
        f"where sync = {literal(plan.sync)} group by 1 order by 1"
    )
    return {
        audience: Counts(count, removed.get(audience, 0))
        for audience, count in held
        if audience not in paused
    }


def _refuse_unknown_guards(overrides: Collection[str], verdicts: Collection[GuardVerdict]) -> None:
    known = {verdict.name for verdict in verdicts}
    unknown = sorted(set(overrides) - known)
    if unknown:
        raise SeamlineError(
            f"--override: there is no guard '{unknown[0]}'; known: {', '.join(sorted(known))}."
        )
