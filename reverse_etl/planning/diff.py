"""The diff: what turns a ``sync_*`` relation and the snapshot into a plan.

``facing`` says what is to be done about which record. Those few are joined to their fields again
(on a first run, where that is everybody, nothing is set aside), and only then does the fingerprint
say what has changed indeed: ``described`` adds their content, and the last select is the plan.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reverse_etl.contract.project import Sync
from reverse_etl.planning.candidates import Candidates, Scope
from reverse_etl.planning.facing import Facing
from reverse_etl.planning.privacy import PERMITTED, Permission
from reverse_etl.warehouse.dialect import Dialect, literal

REJECTED = "rejected before"
MOST_ATTEMPTS = 5
FIELDS_CHANGED = "(the model's columns)"
DRIFTED = "(at the channel)"
DRIFTED_MARK = 0

CONTENT = "planned_content"
SAME = "found.operation = 'change' and found.fingerprint = found.held_fingerprint"
INSERT = """insert into sync.sync_plan (
    run_id, sync, audience, key, operation, reason, is_owed, person_id, purpose, permission,
    fingerprint, previous_fingerprint, marks, changed_fields, match, sent_match, channel_id,
    is_ours, occurred_at, quick_hash
)"""


@dataclass(frozen=True)
class Diff:
    """Everything that the statement is made of.

    ``types`` are the relation's columns as they are in the warehouse; without them nothing can be
    read from it, and only removals come out. ``is_first`` says that the snapshot is empty, and a
    ``scope`` narrows the plan to a part of the sync.
    """

    sync: Sync
    run_id: str
    dialect: Dialect
    permission: Permission
    types: Mapping[str, str]
    is_first: bool = False
    scope: Scope | None = None

    @property
    def candidates(self) -> Candidates:
        """What should be at the channel."""
        markets = "suppressed_identifiers" in self.permission.ctes
        return Candidates(self.sync, self.dialect, self.types, markets, self.is_first, self.scope)

    @property
    def fields(self) -> dict[str, str]:
        """The sent columns that the relation has, each with its expression."""
        return self.candidates.fields

    @property
    def facing(self) -> Facing:
        """What should be at the channel beside what is known to be there."""
        return Facing(
            self.sync, self.dialect, self.permission, self.candidates, self._held, self.is_first
        )

    @property
    def is_whole(self) -> bool:
        """Whether the plan looks at every record of the sync."""
        return self.scope is None

    @property
    def content(self) -> str:
        """Where the rows that are planned to be written are found while the plan is made."""
        return str(self.sync.relation) if self.is_first else CONTENT

    def statements(self) -> list[str]:
        """Return what fills ``sync.sync_plan``, in order.

        Rows that need doing are set aside before they are joined to their content, and so is that:
        knowing that they are few, an engine looks them up instead of reading everything.
        """
        repeated = f"create temporary table repeated as {self.candidates.repeated()}"
        if self.is_first:
            refused = f", refused as ({self._refused})"
            return [repeated, f"{INSERT} {self.facing.steps()}{refused} {self._rows('settled')}"]
        rows = self.candidates.join("settled", "settled.wanted_key", kind="inner")
        content = f"create temporary table {CONTENT} as select relation.* from settled {rows}"
        known = f"with held as ({self._held}), refused as ({self._refused})"
        return [
            repeated,
            f"create temporary table settled as {self.facing.steps()} select * from settled",
            *([content] if self.types else []),
            f"create temporary table described as {self._described()}",
            f"{INSERT} {known} {self._rows('described')}",
            self._hashes_anew(),
        ]

    @property
    def _held(self) -> str:
        """What the ledger says that the channel holds, in the scope."""
        narrowed = f" and {self.scope.held}" if self.scope else ""
        return f"select * from sync.sync_snapshot where {self._mine}{narrowed}"

    @property
    def _refused(self) -> str:
        """What the channel rejected; what is out of the scope meets nothing that is planned."""
        return f"select * from sync.sync_rejected where {self._mine}"

    @property
    def _mine(self) -> str:
        return f"sync = {literal(self.sync.name)}"

    def _described(self) -> str:
        rows = self.candidates
        content = rows.join("settled", "settled.wanted_key", source=CONTENT) if self.types else ""
        fingerprint = rows.fingerprint() if self.types else "null"
        return f"""
select
    settled.*,
    cast(case when wanted_key is not null then {fingerprint} end as uuid) as fingerprint,
    {rows.marks()} as marks,
    {rows.match()} as match,
    {rows.occurred_at()} as occurred_at
from settled
{content}
"""

    def _rows(self, described: str) -> str:
        hopeless = f"""
            refused.key is not null
            and (refused.is_permanent or refused.attempts >= {MOST_ATTEMPTS})
            and (
                (found.operation = 'remove' and refused.operation = 'remove' and not is_stated)
                or (
                    found.operation in ('add', 'change', 'append')
                    and refused.operation <> 'remove'
                    and refused.fingerprint = found.fingerprint
                )
            )"""
        return f"""
select
    {literal(self.run_id)},
    {literal(self.sync.name)},
    found.audience,
    found.key,
    case when {hopeless} then 'hold' else found.operation end,
    case
        when {hopeless} then {literal(REJECTED + ": ")} || coalesce(refused.reason, '')
        when found.operation = 'change' then null
        else coalesce(obstacle, withheld)
    end,
    found.operation = 'remove' and is_stated,
    found.person_id,
    found.purpose,
    coalesce(withheld, {literal(PERMITTED)}),
    found.fingerprint,
    held_fingerprint,
    found.marks,
    {self._changed_fields()},
    found.match,
    {"null" if self.is_first else "held.match"},
    {"null" if self.is_first else "held.channel_id"},
    {"true" if self.is_first else "coalesce(held.is_ours, true)"},
    found.occurred_at,
    found.quick_hash
from {described} as found
left join refused on {self.facing.same("refused", "found")}
{"" if self.is_first else f"left join held on {self.facing.same('held', 'found')}"}
where not ({SAME})
"""

    def _hashes_anew(self) -> str:
        """Records that only hash otherwise than before, as after an engine's update."""
        return (
            "update sync.sync_snapshot set quick_hash = found.quick_hash from described as found "
            f"where sync_snapshot.sync = {literal(self.sync.name)} "
            f"and {self.facing.same('sync_snapshot', 'found')} and {SAME}"
        )

    def _changed_fields(self) -> str:
        if self.is_first or not self.fields:
            return "cast(null as text)"
        differing = ", ".join(
            f"case when found.marks[{place}] is distinct from held.marks[{place}] "
            f"then {literal(field)} end"
            for place, field in enumerate(self.fields, start=1)
        )
        return (
            "case when found.operation <> 'change' then null "
            f"when held.fields_mark = {fields_mark(self.fields)} "
            f"then concat_ws(', ', {differing}) "
            f"when held.fields_mark = {DRIFTED_MARK} then {literal(DRIFTED)} "
            f"else {literal(FIELDS_CHANGED)} end"
        )


def fields_mark(fields: Iterable[str]) -> int:
    """Return what tells a snapshot row whose marks stand for other fields; never the drift's."""
    return zlib.crc32(",".join(fields).encode()) >> 1 or 1
