"""Whole audiences: everybody who may be in one is sent, in the place of what the channel has of it.

The ordinary plan says who joins, changes and leaves. A channel that tells nobody what it holds can
be brought back to the truth only by sending the rest as well: those that the plan would not touch
are written again, and those that it would hold back, although they are there, leave.
"""

from __future__ import annotations

from dataclasses import replace

from reverse_etl.channel.destination import Replacer
from reverse_etl.contract.project import Sync
from reverse_etl.errors import SeamlineError
from reverse_etl.planning.diff import INSERT, Diff
from reverse_etl.planning.privacy import PERMITTED
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

WHOLE = "(whole audience)"


def must_take_wholes(sync: Sync, *, is_part: bool = False) -> None:
    """Refuse a sync whose channel takes no whole audiences, and a plan of a part of one.

    Raises:
        SeamlineError: it cannot be.
    """
    if not (sync.object.replaces and isinstance(sync.channel, Replacer)):
        raise SeamlineError(
            f"--replace: {sync.channel.label} {sync.object.name} takes no audience as a whole "
            f"(sync '{sync.name}'); leave it out: a sync sends what differs."
        )
    if is_part:
        raise SeamlineError("--replace: sends whole audiences; leave out --only and --undo.")


def plan_wholes(diff: Diff, warehouse: Warehouse) -> None:
    """Add to the plan what it leaves alone at the channel, so that it names whole audiences."""
    if diff.is_first:
        return
    mine = f"run_id = {literal(diff.run_id)}"
    held = f"sync.sync_snapshot as held on held.sync = {literal(diff.sync.name)}"
    warehouse.execute(
        "update sync.sync_plan set operation = 'remove', match = null, sent_match = held.match, "
        "channel_id = held.channel_id from sync.sync_snapshot as held "
        f"where {mine} and operation = 'hold' and held.sync = {literal(diff.sync.name)} "
        "and held.audience = sync_plan.audience and held.key = sync_plan.key"
    )
    if not diff.types:
        return
    everybody = replace(diff.candidates, with_content=True).query()
    # Who may not be there is in the plan by now, be it as held back: the rest is permitted.
    warehouse.execute(
        f"{INSERT} select {literal(diff.run_id)}, {literal(diff.sync.name)}, wanted.audience, "
        "wanted.key, 'change', null, false, wanted.person_id, wanted.purpose, "
        f"{literal(PERMITTED)}, cast(wanted.fingerprint as uuid), held.fingerprint, wanted.marks, "
        f"{literal(WHOLE)}, wanted.match, held.match, held.channel_id, held.is_ours, "
        f"wanted.occurred_at, wanted.quick_hash from ({everybody}) as wanted inner join {held} "
        "and held.audience = wanted.audience and held.key = wanted.key where not exists ("
        f"select 1 from sync.sync_plan as planned where planned.{mine} "
        "and planned.audience = wanted.audience and planned.key = wanted.key)"
    )
