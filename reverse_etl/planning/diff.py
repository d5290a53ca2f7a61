"""The diff: what turns a ``sync_*`` relation and the snapshot into a plan.

Read its steps from top to bottom: ``candidates`` is what should be at the channel,
``held`` is what is known to be there, ``facing`` puts the two side by side, ``judged`` says why a
row may not be sent, ``settled`` what is to be done with those that need doing, ``described`` adds
their content, and the last select is the plan.

Up to there rows are narrow, a key and a quick hash: most of them need nothing. Only those that do
are joined to their fields again, but for a first run, where that is everybody; and only then does
the fingerprint say what has changed indeed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reverse_etl.contract.project import Sync
from reverse_etl.planning.candidates import Candidates, Scope
from reverse_etl.planning.privacy import (
    NO_CONSENT,
    OWED,
    PERMITTED,
    UNKNOWN_PERSON,
    UNKNOWN_PURPOSE,
    Permission,
    identifier_hash,
)
from reverse_etl.warehouse.dialect import IN_DOUBT, Dialect, literal, quote

EMPTY_KEY = "empty key"
REPEATED_KEY = "duplicate key"
NO_MATCH_KEY = "no match key"
REJECTED = "rejected before"
PERMISSIONS = (
    *OWED,
    PERMITTED,
    UNKNOWN_PERSON,
    UNKNOWN_PURPOSE,
    NO_CONSENT,
    NO_MATCH_KEY,
)
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
    def is_whole(self) -> bool:
        """Whether the plan looks at every record of the sync."""
        return self.scope is None

    def statements(self) -> list[str]:
        """Return what fills ``sync.sync_plan``, in order.

        Rows that need doing are set aside before they are joined to their content, and so is that:
        knowing that they are few, an engine looks them up instead of reading everything.
        """
        repeated = f"create temporary table repeated as {self.candidates.repeated()}"
        if self.is_first:
            refused = f", refused as ({self._refused})"
            return [repeated, f"{INSERT} {self._steps()}{refused} {self._rows('settled')}"]
        rows = self.candidates.join("settled", "settled.wanted_key", kind="inner")
        content = f"create temporary table {CONTENT} as select relation.* from settled {rows}"
        known = f"with held as ({self._held}), refused as ({self._refused})"
        return [
            repeated,
            f"create temporary table settled as {self._steps()} select * from settled",
            *([content] if self.types else []),
            f"create temporary table described as {self._described()}",
            f"{INSERT} {known} {self._rows('described')}",
            self._hashes_anew(),
        ]

    @property
    def _held(self) -> str:
        this = f"sync = {literal(self.sync.name)}"
        return f"select * from sync.sync_snapshot where {this}{self._in_scope}"

    @property
    def _refused(self) -> str:
        this = f"sync = {literal(self.sync.name)}"
        return f"select * from sync.sync_rejected where {this}{self._in_scope}"

    def _steps(self) -> str:
        rows = self.candidates
        return f"""
with
{self.permission.ctes}
candidates as ({rows.query()}),
held as ({self._held}),
facing as ({self._facing()}),
judged as (
    select
        facing.*,
        case
            when is_wanted and facing.key is null then {literal(EMPTY_KEY)}
            when repeated.key is not null then {literal(REPEATED_KEY)}
        end as obstacle,
        coalesce(
            {self.permission.reason},
            case when is_wanted and not has_match then {literal(NO_MATCH_KEY)} end
        ) as withheld
    from facing
    {self.permission.joins}
    left join repeated on {self._same("repeated", "facing")}
),
decided as (
    select
        judged.*,
        {self._operation()} as operation,
        withheld is not null and withheld in ({_literals(OWED)}) as is_stated
    from judged
),
settled as (
    select
        decided.*,
        case when decided.operation in ('add', 'change', 'append') then decided.key end
            as wanted_key
    from decided
    where decided.operation is not null
)
"""

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
left join refused on {self._same("refused", "found")}
{"" if self.is_first else f"left join held on {self._same('held', 'found')}"}
where not ({SAME})
"""

    def _hashes_anew(self) -> str:
        """Records that only hash otherwise than before, as after an engine's update."""
        return (
            "update sync.sync_snapshot set quick_hash = found.quick_hash from described as found "
            f"where sync_snapshot.sync = {literal(self.sync.name)} "
            f"and {self._same('sync_snapshot', 'found')} and {SAME}"
        )

    @property
    def content(self) -> str:
        """Where the rows that are planned to be written are found while the plan is made."""
        return str(self.sync.relation) if self.is_first else CONTENT

    def _same(self, one: str, other: str) -> str:
        """Join by key alone where there are no audiences: it takes half as long."""
        audience = f"{one}.audience = {other}.audience and " if self.sync.is_audience else ""
        return f"{audience}{one}.key = {other}.key"

    @property
    def _in_scope(self) -> str:
        return f" and {self.scope.held}" if self.scope else ""

    def _facing(self) -> str:
        if self.is_first:
            # Nothing is held: to join a million rows with none would still cost a second.
            return f"""
    select
        candidates.*,
        false as is_held,
        false as is_ours,
        cast(null as uuid) as held_fingerprint,
        cast(null as {self.dialect.hash_type}) as held_quick_hash
    from candidates
"""
        hashes = "".join(
            f",\n        coalesce(candidates.{quote(f'hash_{column}')}, "
            f"{self._held_hash(column)}) as {quote(f'hash_{column}')}"
            for column in self.candidates.hashes()
        )
        # What is the same in all rows need not be carried through the join.
        audience, purpose = "''", literal(self.sync.purpose.name)
        if self.sync.is_audience:
            audience = "coalesce(candidates.audience, held.audience)"
            purpose = "coalesce(candidates.purpose, held.purpose)"
        return f"""
    select
        {audience} as audience,
        coalesce(candidates.key, held.key) as key,
        coalesce(candidates.person_id, held.person_id) as person_id,
        {purpose} as purpose,
        coalesce(candidates.is_wanted, false) as is_wanted,
        coalesce(candidates.has_match, true) as has_match,
        held.key is not null as is_held,
        coalesce(held.is_ours, false) as is_ours,
        candidates.quick_hash,
        held.fingerprint as held_fingerprint,
        held.quick_hash as held_quick_hash{hashes}
    from candidates
    full outer join held on {self._same("held", "candidates")}
"""

    def _held_hash(self, column: str) -> str:
        """An address that has left the relation is still known from what was sent."""
        if column not in self.sync.match:
            return "null"
        return identifier_hash(self.dialect, self.dialect.json_text("held.match", column))

    def _operation(self) -> str:
        mode = self.sync.mode
        removes = self.sync.purpose.removes(mode)
        first = "append" if mode == "append" else "add"
        change = "when quick_hash is distinct from held_quick_hash then 'change' "
        if mode == "append" or self.sync.options.create_only:
            change = ""
        if removes:
            withheld = "case when is_ours then 'remove' else 'hold' end"
        elif mode == "append":
            withheld = "case when not is_held then 'hold' end"
        else:
            withheld = "'hold'"
        gone = "null"
        if mode in ("mirror", "audience"):
            gone = "case when is_ours then 'remove' end"
        elif removes:
            gone = f"case when is_ours and withheld in ({_literals(OWED)}) then 'remove' end"
        return f"""case
            when obstacle is not null then 'hold'
            when not is_wanted then {gone}
            when withheld is not null then {withheld}
            when not is_held or held_fingerprint = {literal(IN_DOUBT)} then {literal(first)}
            {change}end"""

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


def _literals(values: Iterable[str]) -> str:
    return ", ".join(map(literal, values))
