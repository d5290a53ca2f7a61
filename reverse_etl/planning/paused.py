"""Audiences of expired segments: paused at their channels, until somebody prolongs them.

The audience model has no row of theirs any more. That is no reason to remove anybody: who is there
stays, and nothing is added or changed. What is owed to someone, such as a removal after a consent
was withdrawn, goes all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from reverse_etl.contract.manifest import Manifest
from reverse_etl.contract.project import Sync
from reverse_etl.errors import SeamlineError
from reverse_etl.home import project_file
from reverse_etl.planning.plan import held
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse


def paused_audiences(sync: Sync, manifest: Manifest, now: datetime) -> dict[str, date]:
    """Return the audiences of a sync whose segments have expired, each with the day.

    Raises:
        SeamlineError: a segment's ``expires_on`` is no date.
    """
    found: dict[str, date] = {}
    for unique_id, meta in manifest.segments() if sync.is_audience else ():
        node = manifest.nodes[unique_id]
        if "expires_on" not in meta:
            continue  # which dbt refuses as soon as an audience is made of it
        try:
            day = date.fromisoformat(str(meta["expires_on"]))
        except ValueError:
            path = project_file(node.get("patch_path") or node["original_file_path"])
            raise SeamlineError(
                f"{path}: config.meta.segment.expires_on of '{node['name']}' is no date; write it "
                "as 2027-06-30."
            ) from None
        if day <= now.date():
            found[str(node["name"])] = day
    return found


def hold_paused(paused: Mapping[str, date], run_id: str, warehouse: Warehouse) -> None:
    """Hold back what a plan would do to paused audiences, but for what is owed."""
    for audience, day in paused.items():
        reason = f"paused: the segment expired on {day}"
        warehouse.execute(
            f"update sync.sync_plan set {held(reason)} where run_id = {literal(run_id)} "
            f"and operation <> 'hold' and not is_owed and audience = {literal(audience)}"
        )
