"""People who turned out to be one: their records at the channel become one as well.

A mirror or an audience removes the row that is gone by itself. An upsert leaves what is gone, and
there the record of the person who was merged away would stay as an orphan for ever. The identity
graph says whose it is now: the channel is told to merge the two where it can, and otherwise the
orphan, which we added, is removed.
"""

from __future__ import annotations

from reverse_etl.contract.manifest import Manifest
from reverse_etl.planning.candidates import Candidates
from reverse_etl.planning.diff import MOST_ATTEMPTS
from reverse_etl.planning.rekey import rename
from reverse_etl.warehouse.dialect import UNLIKE, literal
from reverse_etl.warehouse.session import Warehouse

CHANGES = "identity_changes"


def plan_merges(rows: Candidates, run_id: str, manifest: Manifest, warehouse: Warehouse) -> None:
    """Add to a fresh plan what becomes of records whose person was merged into another."""
    sync = rows.sync
    changes = manifest.relation_named(CHANGES, "marts")
    can_remove = "mirror" in sync.object.modes
    if sync.mode != "upsert" or not rows.types or not (sync.object.merges or can_remove):
        return
    if "person_id" not in rows.types or not warehouse.columns(changes):
        return
    mine, this = f"run_id = {literal(run_id)}", f"sync = {literal(sync.name)}"
    warehouse.execute(
        "create temporary table orphans as with latest as (select person_id, to_person_id, change, "
        "row_number() over (partition by person_id order by sequence desc) as recency "
        f"from {changes}) select held.audience, held.key, held.person_id, held.purpose, "
        "held.channel_id, held.match, held.is_ours, latest.to_person_id, "
        f"min({rows.key}) as into_key from sync.sync_snapshot as held "
        "inner join latest on latest.person_id = held.person_id and latest.recency = 1 "
        "and latest.change = 'merged' "
        f"inner join {sync.relation} as relation "
        "on cast(relation.person_id as text) = latest.to_person_id "
        f"where held.{this} and not exists (select 1 from {sync.relation} as relation "
        f"where {rows.key} = held.key) and not exists (select 1 from sync.sync_plan as other "
        f"where other.{mine} and other.key = held.key) group by 1, 2, 3, 4, 5, 6, 7, 8"
    )
    if warehouse.rows("select 1 from orphans limit 1"):
        if sync.object.match:
            _inherit(rows, run_id, warehouse)
        _tell(rows, run_id, warehouse)
    warehouse.execute("drop table orphans")


def _inherit(rows: Candidates, run_id: str, warehouse: Warehouse) -> None:
    """Where the one who stays has no record yet, the orphan becomes theirs."""
    warehouse.execute(
        "create temporary table rekeyed as select orphans.audience, min(orphans.key) as old_key, "
        "coming.key as new_key from orphans inner join sync.sync_plan as coming "
        f"on coming.run_id = {literal(run_id)} and coming.operation = 'add' "
        "and coming.previous_fingerprint is null and coming.key = orphans.into_key group by 1, 3"
    )
    warehouse.execute("delete from orphans where key in (select old_key from rekeyed)")
    rename(rows.sync, run_id, warehouse)


def _tell(rows: Candidates, run_id: str, warehouse: Warehouse) -> None:
    """Plan a merge where the channel can, else a removal; not into a record that may not be sent.

    An attempt that the channel refused is repeated as often as any other.
    """
    sync = rows.sync
    mine, this = f"run_id = {literal(run_id)}", f"sync = {literal(sync.name)}"
    hopeless = f"refused.is_permanent or refused.attempts >= {MOST_ATTEMPTS}"  # null: never refused
    if sync.object.merges:
        needed = "orphans.channel_id is not null and staying.channel_id is not null"
        operation = f"case when {needed} and not coalesce({hopeless}, false) then 'merge' "
        operation += "else 'hold' end"
        reason = f"case when {hopeless} then 'rejected before: ' || refused.reason "
        reason += f"when {needed} then 'merged' else 'merged: the channel gave no id' end"
    else:
        operation = f"case when coalesce({hopeless}, false) then 'hold' else 'remove' end"
        reason = "'merged'"
    condition = "true" if sync.object.merges else "orphans.is_ours"
    warehouse.execute(
        "insert into sync.sync_plan (run_id, sync, audience, key, operation, reason, "
        "is_owed, person_id, purpose, permission, previous_fingerprint, sent_match, channel_id, "
        f"is_ours, into_key, into_id) select {literal(run_id)}, {literal(sync.name)}, "
        f"orphans.audience, orphans.key, {operation}, {reason}, false, orphans.person_id, "
        f"orphans.purpose, 'permitted', {literal(UNLIKE)}, orphans.match, orphans.channel_id, "
        "orphans.is_ours, orphans.into_key, staying.channel_id from orphans "
        f"inner join sync.sync_snapshot as staying on staying.{this} "
        "and staying.audience = orphans.audience and staying.key = orphans.into_key "
        f"left join sync.sync_rejected as refused on refused.{this} "
        "and refused.audience = orphans.audience and refused.key = orphans.key "
        f"where {condition} and not exists (select 1 from sync.sync_plan as withheld "
        f"where withheld.{mine} and withheld.operation = 'hold' "
        "and withheld.key = orphans.into_key)"
    )
