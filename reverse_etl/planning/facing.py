"""Both sides of a sync face to face, and what is to be done about each record.

``candidates`` is what should be at the channel, ``held`` what is known to be there; ``facing`` puts
the two side by side, ``judged`` says why a row may not be sent, and ``settled`` what is to be done
with those that need doing. Rows are narrow, a key and a quick hash: most of them need nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reverse_etl.contract.project import Sync
from reverse_etl.planning.candidates import Candidates
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
PERMISSIONS = (
    *OWED,
    PERMITTED,
    UNKNOWN_PERSON,
    UNKNOWN_PURPOSE,
    NO_CONSENT,
    NO_MATCH_KEY,
)


@dataclass(frozen=True)
class Facing:
    """What the two sides are: the candidates, and what is ``held``, a query.

    ``is_first`` says that nothing is held.
    """

    sync: Sync
    dialect: Dialect
    permission: Permission
    candidates: Candidates
    held: str
    is_first: bool

    def steps(self) -> str:
        """Return the common table expressions, of which ``settled`` is the last."""
        return f"""
with
{self.permission.ctes}
candidates as ({self.candidates.query()}),
held as ({self.held}),
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
    left join repeated on {self.same("repeated", "facing")}
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

    def same(self, one: str, other: str) -> str:
        """Join by key alone where there are no audiences: it takes half as long."""
        audience = f"{one}.audience = {other}.audience and " if self.sync.is_audience else ""
        return f"{audience}{one}.key = {other}.key"

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
    full outer join held on {self.same("held", "candidates")}
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


def _literals(values: Iterable[str]) -> str:
    return ", ".join(map(literal, values))
