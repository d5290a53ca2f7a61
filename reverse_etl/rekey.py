"""Records whose key changed: the same record at the channel, under another name with us.

When identities merge or split, a row leaves under one key and comes back under another while the
channel knows it by the same e-mail. Removing the one and adding the other would take away what is
wanted, and if only half of it succeeds, an orphan stays behind. So nothing is sent: the ledger
learns the record's new name, and what is left to plan is a change, or nothing.
"""

from __future__ import annotations

from reverse_etl.dialect import literal
from reverse_etl.project import Sync
from reverse_etl.warehouse import Warehouse


def rekey(sync: Sync, run_id: str, warehouse: Warehouse) -> None:
    """Turn pairs of removal and addition of one record, in a fresh plan, into what they are.

    A removal that is owed to somebody stays a removal. A channel that has no match keys of its own
    knows records by our key, and has to be told.
    """
    if sync.mode not in ("mirror", "audience") or not (sync.match and sync.object.match):
        return
    mine = f"run_id = {literal(run_id)}"
    this = f"sync = {literal(sync.name)}"
    leaving = f"select * from sync.sync_plan where {mine} and operation = 'remove' and not is_owed"
    coming = f"select * from sync.sync_plan where {mine} and operation = 'add'"
    warehouse.execute("drop table if exists rekeyed")
    warehouse.execute(
        "create temporary table rekeyed as select audience, min(old_key) as old_key, new_key from ("
        "select leaving.audience, leaving.key as old_key, min(coming.key) as new_key "
        f"from ({leaving}) as leaving inner join ({coming}) as coming "
        "on coming.audience = leaving.audience and coming.match = leaving.sent_match "
        "where coming.previous_fingerprint is null group by 1, 2) as pairs group by 1, 3"
    )
    if warehouse.rows("select count(*) from rekeyed")[0][0]:
        _rename(this, mine, warehouse)
    _forget_shadows(this, mine, leaving, warehouse)


def _rename(this: str, mine: str, warehouse: Warehouse) -> None:
    warehouse.execute(
        "update sync.sync_plan set operation = 'change', reason = 'rekeyed', "
        "previous_fingerprint = leaving.previous_fingerprint, sent_match = leaving.sent_match, "
        "channel_id = leaving.channel_id, changed_fields = '(key)' from rekeyed "
        "inner join sync.sync_plan as leaving on leaving.audience = rekeyed.audience "
        f"and leaving.key = rekeyed.old_key and leaving.operation = 'remove' and leaving.{mine} "
        f"where sync_plan.{mine} and sync_plan.operation = 'add' "
        "and sync_plan.audience = rekeyed.audience and sync_plan.key = rekeyed.new_key"
    )
    warehouse.execute(
        f"delete from sync.sync_plan where {mine} and operation = 'remove' "
        "and (audience, key) in (select audience, old_key from rekeyed)"
    )
    warehouse.execute(
        "update sync.sync_snapshot set key = rekeyed.new_key, person_id = coming.person_id "
        "from rekeyed inner join sync.sync_plan as coming on coming.audience = rekeyed.audience "
        f"and coming.key = rekeyed.new_key and coming.{mine} "
        f"where sync_snapshot.{this} and sync_snapshot.audience = rekeyed.audience "
        "and sync_snapshot.key = rekeyed.old_key"
    )
    warehouse.execute(
        f"delete from sync.sync_plan where {mine} and reason = 'rekeyed' "
        "and fingerprint = previous_fingerprint"
    )
    warehouse.execute(
        f"update sync.sync_plan set operation = 'add' where {mine} and reason = 'rekeyed' "
        "and previous_fingerprint = ''"
    )


def _forget_shadows(this: str, mine: str, leaving: str, warehouse: Warehouse) -> None:
    """Drop names of a record that stays at the channel under another one."""
    shadows = (
        f"select leaving.audience, leaving.key from ({leaving}) as leaving "
        f"inner join sync.sync_snapshot as staying on staying.{this} "
        "and staying.audience = leaving.audience and staying.match = leaving.sent_match "
        "and staying.key <> leaving.key and not exists (select 1 from sync.sync_plan as gone "
        f"where gone.{mine} and gone.operation = 'remove' and gone.audience = staying.audience "
        "and gone.key = staying.key)"
    )
    warehouse.execute("drop table if exists shadows")
    warehouse.execute(f"create temporary table shadows as {shadows}")
    if warehouse.rows("select count(*) from shadows")[0][0]:
        among = "(audience, key) in (select audience, key from shadows)"
        warehouse.execute(f"delete from sync.sync_snapshot where {this} and {among}")
        warehouse.execute(
            f"delete from sync.sync_plan where {mine} and operation = 'remove' and {among}"
        )
