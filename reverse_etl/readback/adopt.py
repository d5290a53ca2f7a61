"""Adoption: the first contact with a channel that is in use.

What is there becomes known, and stays somebody else's: a record that is as we would write it needs
no sending, one that differs is a change, and none of them is ever removed by us.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from reverse_etl.contract.project import Project
from reverse_etl.delivery.http import Patience
from reverse_etl.planning.diff import DRIFTED_MARK, fields_mark
from reverse_etl.planning.foreign import foreign_key
from reverse_etl.readback.reading import Reading, reading
from reverse_etl.warehouse.dialect import UNLIKE, literal

COLUMNS = (
    "sync, audience, key, person_id, purpose, channel_id, match, fingerprint, quick_hash, marks, "
    "fields_mark, sent_at, is_ours"
)


@dataclass(frozen=True)
class Adoption:
    """What was found: ``alike`` as we would write it, or ``unlike``, or of nobody that we send.

    ``known`` were in the ledger already.
    """

    sync: str
    listed: int
    alike: int
    unlike: int
    foreign: int
    known: int

    def as_json(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return asdict(self)


def adopt_sync(project: Project, name: str, patience: Patience | None = None) -> Adoption:
    """Take what the channel holds into the snapshot, as not ours.

    Raises:
        SeamlineError: the channel cannot be read, or an earlier run is not finished.
    """
    with reading(project, name, patience) as found:
        found.pair_with_rows()
        found.pair_with_snapshot()
        alike, unlike = _adopt_rows(found)
        foreign = _adopt_foreign(found)
        known = found.number("select count(*) from known")
        return Adoption(name, found.count, alike, unlike, foreign, known)


def _adopt_rows(found: Reading) -> tuple[int, int]:
    """Adopt the records that stand for rows of ours; return how many are alike, and unlike."""
    warehouse = found.warehouse
    found.load_keys("unlike", sorted({(a, key) for a, key, _ in found.differences()}))
    warehouse.execute(
        "create temporary table adopted as select paired.key as row_key, listed.* "
        "from paired inner join listed on listed.position = paired.position "
        "where not exists (select 1 from known where known.position = paired.position) "
        f"and not exists (select 1 from sync.sync_snapshot as held where held.{found.this} "
        "and held.audience = paired.audience and held.key = paired.key)"
    )
    beside = (
        "left join unlike on unlike.audience = adopted.audience and unlike.key = adopted.row_key"
    )
    unlike = f"cast({literal(UNLIKE)} as uuid)"
    names = fields_mark(found.sync.fields)
    warehouse.execute(
        f"insert into sync.sync_snapshot ({COLUMNS}) select {literal(found.sync.name)}, "
        f"wanted.audience, wanted.key, wanted.person_id, wanted.purpose, adopted.channel_id, "
        f"{_match(found)}, case when unlike.key is null then wanted.fingerprint else {unlike} end, "
        "case when unlike.key is null then wanted.quick_hash end, "
        f"wanted.marks, case when unlike.key is null then {names} else {DRIFTED_MARK} end, "
        f"{found.now}, false from adopted inner join ({found.rows.query()}) as wanted "
        f"on wanted.audience = adopted.audience and wanted.key = adopted.row_key {beside}"
    )
    total, differing = warehouse.rows(f"select count(*), count(unlike.key) from adopted {beside}")[
        0
    ]
    return total - differing, differing


def _match(found: Reading) -> str:
    """The match keys as the channel has them, so that a moved record is found there."""
    dialect, sync = found.warehouse.dialect, found.sync
    values = {name: dialect.json_text("wanted.match", name) for name in sync.options.keep_edits}
    for place, column in enumerate(sync.match):
        ours = dialect.json_text("wanted.match", column)
        values[column] = f"coalesce(adopted.match_{place}, {ours})"
    return dialect.json_object(values)


def _adopt_foreign(found: Reading) -> int:
    """Remember records of nobody we send, by a hash: should one of them come, it is known."""
    names = [f"match_{place}" for place, _ in enumerate(found.sync.match)]
    identity = f"coalesce({', '.join([*names, 'channel_id', 'key'])})"
    found.warehouse.execute(
        "create temporary table strangers as select audience, "
        f"{foreign_key(found.warehouse.dialect, identity)} as foreign_key, "
        f"max(channel_id) as channel_id from listed where {identity} is not null "
        "and not exists (select 1 from paired where paired.position = listed.position) "
        "and not exists (select 1 from known where known.position = listed.position) "
        "group by 1, 2"
    )
    fresh = (
        f"from strangers where not exists (select 1 from sync.sync_snapshot as held "
        f"where held.{found.this} and held.audience = strangers.audience "
        "and held.key = strangers.foreign_key)"
    )
    count = found.number(f"select count(*) {fresh}")
    found.warehouse.execute(
        f"insert into sync.sync_snapshot ({COLUMNS}) select {literal(found.sync.name)}, audience, "
        f"foreign_key, null, {literal(found.sync.purpose.name)}, channel_id, null, "
        f"cast({literal(UNLIKE)} as uuid), null, "
        f"cast(null as {found.warehouse.dialect.marks_type}), "
        f"{DRIFTED_MARK}, {found.now}, false {fresh}"
    )
    return count
