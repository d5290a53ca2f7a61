"""Undo: the plan that takes a run back, from the changelog and the rows as they were before it.

What a run added is removed, what it changed or removed is written again as it was. Former values
are in no ledger; they come from the sync's relation, built for an instant before the run, or from
another relation like it. A row serves only if its fingerprint is the one that was sent before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from reverse_etl.contract.manifest import Relation
from reverse_etl.contract.project import Sync
from reverse_etl.errors import SeamlineError
from reverse_etl.planning.candidates import Candidates, Scope
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

CANNOT = "cannot be undone: "


@dataclass(frozen=True)
class Undo:
    """The run to take back, and where its records' former values are; the relation by default."""

    run_id: str
    values_from: Relation | None = None

    def apply(self, sync: Sync) -> Sync:
        """Return the sync with the relation of the former values."""
        return replace(sync, relation=self.values_from) if self.values_from else sync

    def scope(self, sync: Sync, warehouse: Warehouse) -> Scope:
        """Judge every record that the run touched, and return those that can be taken back.

        Raises:
            SeamlineError: the ledger has no such run of this sync, or it is not finished.
        """
        types = warehouse.columns(sync.relation)
        if self.values_from and not types:
            raise SeamlineError(f"--values-from: {self.values_from} does not exist.")
        former = Candidates(sync, warehouse.dialect, types, False)
        number = self._number(sync, warehouse)
        warehouse.execute(
            f"create temporary table undone as {self._judged(sync, former.query(), number)}"
        )
        possible = "from undone where obstacle is null"
        return Scope(
            wanted="(audience, key, fingerprint) in "
            f"(select audience, key, previous {possible} and operation <> 'add')",
            held=f"(audience, key) in (select audience, key {possible})",
        )

    def hold_the_rest(self, sync: Sync, run_id: str, warehouse: Warehouse) -> None:
        """Add to the plan, with the reason, what cannot be taken back."""
        warehouse.execute(
            "insert into sync.sync_plan (run_id, sync, audience, key, operation, reason, "
            f"is_owed, person_id, purpose, permission) select {literal(run_id)}, "
            f"{literal(sync.name)}, audience, key, 'hold', "
            f"{literal(CANNOT)} || obstacle, false, person_id, purpose, 'permitted' "
            "from undone where obstacle is not null"
        )

    def _number(self, sync: Sync, warehouse: Warehouse) -> int:
        found = warehouse.rows(
            "select run_number, status from sync.sync_runs "
            f"where sync = {literal(sync.name)} and run_id = {literal(self.run_id)}"
        )
        if not found:
            raise SeamlineError(f"--undo: '{self.run_id}' is no run of sync '{sync.name}'.")
        number, status = found[0]
        if status == "sending":
            raise SeamlineError(f"--undo: run '{self.run_id}' is not finished; sync first.")
        return int(number)

    def _judged(self, sync: Sync, former: str, number: int) -> str:
        this = f"sync = {literal(sync.name)}"
        removes = sync.mode in ("mirror", "audience")
        added = "null" if removes else "'an upsert leaves what it added'"
        return f"""
with touched as (
    select audience, key, person_id, purpose, operation
    from sync.sync_changelog
    where {this} and run_id = {literal(self.run_id)} and status = 'acknowledged'
),
earlier as (
    select
        log.audience, log.key, log.operation, log.fingerprint,
        row_number() over (partition by log.audience, log.key order by runs.run_number desc)
            as recency
    from sync.sync_changelog as log
    inner join sync.sync_runs as runs on runs.run_id = log.run_id
    inner join touched on touched.audience = log.audience and touched.key = log.key
    where log.{this} and log.status = 'acknowledged' and runs.run_number < {number}
),
former as ({former})
select
    touched.*,
    earlier.fingerprint as previous,
    case
        when touched.operation = 'append' then 'an event is sent for good'
        when touched.operation = 'merge' then 'the channel keeps no part of a merge'
        when touched.operation = 'remove' and held.key is not null
            or touched.operation <> 'remove' and held.key is null
            or touched.operation <> 'remove' and held.run_number is distinct from {number}
            then 'a later run has touched it'
        when touched.operation = 'add' then {added}
        when former.key is null then {literal(f"its former values are not in {sync.relation}")}
    end as obstacle
from touched
left join earlier
    on earlier.audience = touched.audience and earlier.key = touched.key
    and earlier.recency = 1 and earlier.operation <> 'remove'
left join former
    on former.audience = touched.audience and former.key = touched.key
    and former.fingerprint = earlier.fingerprint
left join sync.sync_snapshot as held
    on held.{this} and held.audience = touched.audience and held.key = touched.key
"""
