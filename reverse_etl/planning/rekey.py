"""Records whose key changed: the same record at the channel, under another name with us.

When identities merge or split, a row leaves under one key and comes back under another while the
channel knows it by the same e-mail. Removing the one and adding the other would take away what is
wanted, and if only half of it succeeds, an orphan stays behind. So nothing is sent: the ledger
learns the record's new name, and what is left to plan is a change, or nothing.

A channel that has no match keys of its own knows records by our key, and has to be told.
"""

from __future__ import annotations

from collections.abc import Sequence

from reverse_etl.contract.project import Sync
from reverse_etl.planning.candidates import Candidates
from reverse_etl.planning.foreign import FOREIGN, comparable, foreign_key
from reverse_etl.warehouse.dialect import IN_DOUBT, Dialect, literal
from reverse_etl.warehouse.session import Warehouse


def rekey(rows: Candidates, run_id: str, warehouse: Warehouse) -> None:
    """Turn additions of records that the channel knows under another key into what they are.

    A removal that is owed to somebody stays a removal.
    """
    sync = rows.sync
    if sync.mode == "append" or not (sync.match and sync.object.match and rows.types):
        return
    mine, this = f"run_id = {literal(run_id)}", f"sync = {literal(sync.name)}"
    coming = (
        f"select * from sync.sync_plan where {mine} and operation = 'add' "
        "and previous_fingerprint is null"
    )
    if warehouse.rows(f"select 1 from ({coming}) as coming limit 1"):
        warehouse.execute(_new_names("rekeyed"))
        warehouse.execute(f"insert into rekeyed {_left_behind(rows, coming, this, mine)}")
        if warehouse.rows(
            f"select 1 from sync.sync_snapshot where {this} and {_IS_FOREIGN} limit 1"
        ):
            warehouse.execute(f"insert into rekeyed {_known_strangers(rows, coming, this)}")
        rename(sync, run_id, warehouse)
    _forget_shadows(sync, this, mine, warehouse)
    _leave_claimed_addresses(sync, mine, warehouse)


_IS_FOREIGN = f"key like {literal(FOREIGN + '%')}"


def rename(sync: Sync, run_id: str, warehouse: Warehouse) -> None:
    """Give the records of the temporary table ``rekeyed`` their new keys."""
    mine, this = f"run_id = {literal(run_id)}", f"sync = {literal(sync.name)}"
    warehouse.execute(
        "update sync.sync_plan set operation = 'change', reason = 'rekeyed', "
        "previous_fingerprint = held.fingerprint, "
        "sent_match = coalesce(held.match, sync_plan.match), "
        "channel_id = held.channel_id, is_ours = held.is_ours, changed_fields = '(key)' "
        "from rekeyed inner join sync.sync_snapshot as held "
        f"on held.{this} and held.audience = rekeyed.audience and held.key = rekeyed.old_key "
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
    settled = "" if sync.options.create_only else "and fingerprint = previous_fingerprint"
    warehouse.execute(f"delete from sync.sync_plan where {mine} and reason = 'rekeyed' {settled}")
    warehouse.execute(
        f"update sync.sync_plan set operation = 'add' where {mine} and reason = 'rekeyed' "
        f"and previous_fingerprint = {literal(IN_DOUBT)}"
    )
    warehouse.execute("drop table rekeyed")


def _new_names(table: str) -> str:
    return f"create temporary table {table} (audience text, old_key text, new_key text)"


def _left_behind(rows: Candidates, coming: str, this: str, mine: str) -> str:
    """Records that are held under a key which no row has any more."""
    same = same_match(rows.dialect, rows.sync, "coming.match", "held.match")
    return (
        "select audience, min(old_key), new_key from (select coming.audience, held.key as old_key, "
        f"min(coming.key) as new_key from ({coming}) as coming "
        f"inner join sync.sync_snapshot as held on held.{this} "
        f"and held.audience = coming.audience and {same} where held.key <> coming.key "
        f"and not exists (select 1 from {rows.sync.relation} as relation where {rows.key} = "
        f"held.key and {rows.audience} = held.audience) "
        f"and not exists (select 1 from sync.sync_plan as owed where owed.{mine} and owed.is_owed "
        "and owed.audience = held.audience and owed.key = held.key) group by 1, 2) as pairs "
        "group by audience, new_key"
    )


def _known_strangers(rows: Candidates, coming: str, this: str) -> str:
    """Records that were at the channel before us, and of nobody we sent; now one of them comes."""
    texts = [comparable(rows.dialect, "coming.match", column) for column in rows.sync.match]
    key = foreign_key(rows.dialect, f"coalesce({', '.join(texts)}, null)")
    return (
        f"select held.audience, held.key, min(coming.key) from ({coming}) as coming "
        f"inner join sync.sync_snapshot as held on held.{this} "
        f"and held.audience = coming.audience and held.key = {key} "
        "where not exists (select 1 from rekeyed where rekeyed.audience = coming.audience "
        "and rekeyed.new_key = coming.key) group by 1, 2"
    )


def same_match(dialect: Dialect, sync: Sync, one: str, other: str) -> str:
    """Return the condition that two documents have the same match keys."""
    if not sync.options.keep_edits:
        return f"{one} = {other}"
    pairs: Sequence[str] = [
        f"coalesce({dialect.json_text(one, name)}, '') = "
        f"coalesce({dialect.json_text(other, name)}, '')"
        for name in sync.match
    ]
    return " and ".join(pairs)


def _forget_shadows(sync: Sync, this: str, mine: str, warehouse: Warehouse) -> None:
    """Drop names of a record that stays at the channel under another one."""
    same = same_match(warehouse.dialect, sync, "staying.match", "leaving.sent_match")
    shadows = (
        "select leaving.audience, leaving.key from sync.sync_plan as leaving "
        f"inner join sync.sync_snapshot as staying on staying.{this} "
        f"and staying.audience = leaving.audience and {same} and staying.key <> leaving.key "
        f"where leaving.{mine} and leaving.operation = 'remove' and not leaving.is_owed "
        "and not exists (select 1 from sync.sync_plan as gone "
        f"where gone.{mine} and gone.operation = 'remove' and gone.audience = staying.audience "
        "and gone.key = staying.key)"
    )
    warehouse.execute(f"create temporary table shadows as {shadows}")
    if warehouse.rows("select 1 from shadows limit 1"):
        among = "(audience, key) in (select audience, key from shadows)"
        warehouse.execute(f"delete from sync.sync_snapshot where {this} and {among}")
        warehouse.execute(
            f"delete from sync.sync_plan where {mine} and operation = 'remove' and {among}"
        )
    warehouse.execute("drop table shadows")


def _leave_claimed_addresses(sync: Sync, mine: str, warehouse: Warehouse) -> None:
    """An address that one record leaves and another takes, as in a split, is the other's.

    The one that leaves it must not take it along, nor take it away.
    """
    dialect = warehouse.dialect
    moving = f"{mine} and operation = 'change' and match <> sent_match"
    if not warehouse.rows(f"select 1 from sync.sync_plan where {moving} limit 1"):
        return
    for column in sync.match:
        left, taken = (
            comparable(dialect, document, column)
            for document in ("leaving.sent_match", "taking.match")
        )
        warehouse.execute(
            "create temporary table claimed as select distinct leaving.audience, leaving.key "
            "from sync.sync_plan as leaving inner join sync.sync_plan as taking "
            f"on taking.audience = leaving.audience and {taken} = {left} "
            f"where leaving.{mine} and leaving.operation = 'change' and taking.{mine} "
            "and taking.operation in ('add', 'change') and taking.key <> leaving.key "
            f"and coalesce({comparable(dialect, 'leaving.match', column)}, '') <> {left}"
        )
        kept = dialect.json_object(
            {
                name: "cast(null as text)"
                if name == column
                else dialect.json_text("sent_match", name)
                for name in (*sync.match, *sync.options.keep_edits)
            }
        )
        warehouse.execute(
            f"update sync.sync_plan set sent_match = {kept}, channel_id = null, reason = 'split' "
            f"where {mine} and operation = 'change' "
            "and (audience, key) in (select audience, key from claimed)"
        )
        warehouse.execute("drop table claimed")
