"""Reconciliation: where the channel has drifted from the ledger, the next plan makes it good."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from reverse_etl.contract.project import Project
from reverse_etl.delivery.http import Patience
from reverse_etl.errors import SeamlineError
from reverse_etl.planning.diff import DRIFTED_MARK
from reverse_etl.planning.foreign import FOREIGN
from reverse_etl.readback.reading import Reading, reading
from reverse_etl.warehouse.dialect import IN_DOUBT, UNLIKE, literal


@dataclass(frozen=True)
class Reconciliation:
    """How the channel differs from the ledger; ``fields`` counts what was changed there.

    ``foreign`` are records at the channel that the ledger does not know: not ours to touch.
    """

    sync: str
    listed: int
    held: int
    missing: int
    edited: int
    foreign: int
    fields: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return asdict(self)


def reconcile_sync(project: Project, name: str, patience: Patience | None = None) -> Reconciliation:
    """Compare what the channel holds with the snapshot, and mark what the next plan must mend.

    What is gone from the channel will be added again, what was edited there changed back; but for
    the fields of ``keep_edits``, and nothing at all where the sync only creates.

    Raises:
        SeamlineError: the channel cannot be read, lists nothing of what it should hold, or an
            earlier run is not finished.
    """
    with reading(project, name, patience) as found:
        sync = found.sync
        found.pair_with_snapshot()
        held = found.number(f"select count(*) from sync.sync_snapshot where {found.this}")
        if held and not found.number("select count(*) from known"):
            raise SeamlineError(
                f"{sync.channel.label} lists none of the {held} records that sync '{name}' has "
                f"there; look whether connection '{sync.connection}' leads to the right account."
            )
        missing = _forget_missing(found)
        fields = Counter[str]()
        edited = [] if sync.options.create_only else _edited(found, fields)
        found.load_keys("edited", edited)
        found.warehouse.execute(
            f"update sync.sync_snapshot set fingerprint = {literal(UNLIKE)}, "
            f"quick_hash = null, fields_mark = {DRIFTED_MARK} where {found.this} "
            "and (audience, key) in (select audience, key from edited)"
        )
        foreign = found.number(
            "select count(*) from listed where not exists "
            "(select 1 from known where known.position = listed.position)"
        )
        return Reconciliation(
            name, found.count, held, missing, len(edited), foreign, dict(fields.most_common())
        )


def _forget_missing(found: Reading) -> int:
    """Forget what the channel does not hold; return how many of them a row of ours stood for."""
    gone = (
        f"from sync.sync_snapshot where {found.this} and not exists (select 1 from known "
        "where known.audience = sync_snapshot.audience and known.key = sync_snapshot.key)"
    )
    count = found.number(
        f"select count(*) {gone} and fingerprint <> {literal(IN_DOUBT)} "
        f"and key not like {literal(FOREIGN + '%')}"
    )
    found.warehouse.execute(f"delete {gone}")
    return count


def _edited(found: Reading, fields: Counter[str]) -> list[tuple[str, str]]:
    """Return the records that somebody changed at the channel, and count their fields.

    Only a row that was sent as it is now can tell; one that has changed since is sent anyway.
    """
    found.warehouse.execute(
        "create temporary table paired as select known.audience, known.key, known.position "
        f"from known inner join ({found.rows.query()}) as wanted "
        "on wanted.audience = known.audience and wanted.key = known.key "
        f"inner join sync.sync_snapshot as held on held.{found.this} "
        "and held.audience = known.audience and held.key = known.key "
        "and held.fingerprint = wanted.fingerprint"
    )
    edited = []
    for audience, key, names in found.differences(found.sync.options.keep_edits):
        edited.append((audience, key))
        fields.update(names)
    return edited
