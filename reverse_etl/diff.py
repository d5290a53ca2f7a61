"""The diff: one statement that turns a ``sync_*`` relation and the snapshot into a plan.

Read the statement's steps from top to bottom: ``candidates`` is what should be at the channel,
``held`` is what is there and ours, ``facing`` puts the two side by side, ``judged`` says why a row
may not be sent, ``decided`` what is to be done, and the last select keeps the rows that need doing.

Up to there rows are narrow, a key and a fingerprint: most of them need nothing. Only those that do
are joined to their fields again, but for a first run, where that is everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reverse_etl.dialect import Dialect, fingerprint, key, literal, quote
from reverse_etl.privacy import OWED, Permission, identifier_columns, identifier_hash
from reverse_etl.project import Sync

EMPTY_KEY = "empty key"
REPEATED_KEY = "duplicate key"
NO_MATCH_KEY = "no match key"
REJECTED = "rejected before"
MOST_ATTEMPTS = 5
FIELDS_CHANGED = "(the model's columns)"


@dataclass(frozen=True)
class Diff:
    """Everything that the statement is made of.

    ``types`` are the relation's columns as they are in the warehouse; without them nothing can be
    read from it, and only removals come out. ``is_first`` says that the snapshot is empty, ``only``
    narrows the plan to one key.
    """

    sync: Sync
    run_id: str
    dialect: Dialect
    permission: Permission
    types: Mapping[str, str]
    is_first: bool = False
    only: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The sent columns that the relation has, each with its expression."""
        return {
            column: self.dialect.value(f"relation.{quote(column)}", self.types[column])
            for column in self.sync.fields
            if column in self.types
        }

    @property
    def key(self) -> str:
        """The key's expression over ``relation``."""
        return key(self.sync.key, "relation")

    @property
    def audience(self) -> str:
        """The audience's expression over ``relation``."""
        return "coalesce(relation.audience, '')" if self.sync.is_audience else "''"

    def statement(self) -> str:
        """Return the whole ``insert into sync.sync_plan``."""
        return f"""
insert into sync.sync_plan
with
{self.permission.ctes}
candidates as ({self._candidates()}),
{self._repeated()},
held as (
    select * from sync.sync_snapshot
    where sync = {literal(self.sync.name)}{self._only("key")}
),
refused as (
    select * from sync.sync_rejected
    where sync = {literal(self.sync.name)}{self._only("key")}
),
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
    left join repeated on repeated.audience = facing.audience and repeated.key = facing.key
),
decided as (
    select
        judged.*,
        {self._operation()} as operation,
        withheld is not null and withheld in ({", ".join(map(literal, OWED))}) as is_stated
    from judged
),
settled as (
    select
        decided.*,
        case when decided.operation in ('add', 'change', 'append') then decided.key end
            as wanted_key,
        refused.reason as refusal,
        refused.key is not null
            and (refused.is_permanent or refused.attempts >= {MOST_ATTEMPTS})
            and (
                (decided.operation = 'remove' and refused.operation = 'remove' and not is_stated)
                or (
                    decided.operation in ('add', 'change', 'append')
                    and refused.operation <> 'remove'
                    and refused.fingerprint = decided.fingerprint
                )
            ) as is_hopeless
    from decided
    left join refused on refused.audience = decided.audience and refused.key = decided.key
    where decided.operation is not null
)
select
    {literal(self.run_id)},
    {literal(self.sync.name)},
    row_number() over (),
    settled.audience,
    settled.key,
    case when is_hopeless then 'hold' else operation end,
    case
        when is_hopeless then {literal(REJECTED + ": ")} || coalesce(refusal, '')
        when operation = 'change' then null
        else coalesce(obstacle, withheld)
    end,
    operation = 'remove' and is_stated,
    settled.person_id,
    settled.purpose,
    coalesce(withheld, 'permitted'),
    settled.fingerprint,
    held_fingerprint,
    {"settled.marks" if self.is_first else self._marks()},
    {self._changed_fields()},
    {"settled.match" if self.is_first else self._match()},
    held.match,
    held.channel_id
from settled
left join held on held.audience = settled.audience and held.key = settled.key
{self._relation_join()}
"""

    def _repeated(self) -> str:
        """Keys that occur twice; found by a short hash first, which takes a tenth of the memory."""
        if not self.types:
            return "repeated as (select audience, key from candidates)"
        both = f"{self.audience} || '/' || {self.key}" if self.sync.is_audience else self.key
        hashed = self.dialect.short_hash(both)
        return f"""repeated_hashes as (
    select {hashed} as hashed from {self.sync.relation} as relation group by 1 having count(*) > 1
),
repeated as (
    select {self.audience} as audience, {self.key} as key
    from {self.sync.relation} as relation
    inner join repeated_hashes on repeated_hashes.hashed = {hashed}
    group by 1, 2
    having count(*) > 1
)"""

    def _relation_join(self) -> str:
        # Conditions other than equalities would make this a nested loop on DuckDB.
        if self.is_first or not self.types:
            return ""
        audience = f" and {self.audience} = settled.audience" if self.sync.is_audience else ""
        return (
            f"left join {self.sync.relation} as relation "
            f"on {self.key} = settled.wanted_key{audience}"
        )

    def _only(self, column: str) -> str:
        return f" and {column} = {literal(self.only)}" if self.only is not None else ""

    def _candidates(self) -> str:
        columns = {
            "audience": self.audience,
            "key": self.key,
            "person_id": self._column("person_id"),
            "purpose": self._column("purpose")
            if self.sync.is_audience
            else literal(self.sync.purpose.name),
            "fingerprint": fingerprint(self.fields),
            "has_match": self._has_match(),
            "is_wanted": "true",
        }
        columns |= {f"hash_{name}": value for name, value in self._hashes().items()}
        if self.is_first:
            columns |= {"marks": self._marks(), "match": self._match()}
        if not self.types:
            empty = {"has_match": "boolean", "is_wanted": "boolean"}
            empty |= {"marks": self.dialect.marks_type}
            columns = {name: f"cast(null as {empty.get(name, 'text')})" for name in columns}
            return f"select {_named(columns)} where false"
        where = f" where {self.key} = {literal(self.only)}" if self.only is not None else ""
        return f"select {_named(columns)} from {self.sync.relation} as relation{where}"

    def _column(self, name: str) -> str:
        return f"cast(relation.{quote(name)} as text)" if name in self.types else "null"

    def _marks(self) -> str:
        if not self.types:
            return f"cast(null as {self.dialect.marks_type})"
        return self.dialect.marks(list(self.fields.values()))

    def _match(self) -> str:
        """The match keys, to find the record by later; an event is never looked for again."""
        if self.sync.mode == "append" or not self.types:
            return "cast(null as text)"
        return self.dialect.json_object(
            {name: self.fields[name] for name in self.sync.match if name in self.fields}
        )

    def _has_match(self) -> str:
        """Whether any identifier is there by which the channel can know the record."""
        texts = [
            f"nullif(trim(cast(relation.{quote(column)} as text)), '')"
            for column in self.sync.match
            if column in self.types
        ]
        return f"coalesce({', '.join(texts)}, null) is not null" if texts else "true"

    def _hashes(self) -> dict[str, str]:
        if "suppressed_identifiers" not in self.permission.ctes:
            return {}
        return {
            column: identifier_hash(self.dialect, f"cast(relation.{quote(column)} as text)")
            for column in identifier_columns(self.sync)
        }

    def _facing(self) -> str:
        hashes = "".join(
            f",\n        coalesce(candidates.{quote(f'hash_{column}')}, "
            f"{self._held_hash(column)}) as {quote(f'hash_{column}')}"
            for column in self._hashes()
        )
        first = ", candidates.marks, candidates.match" if self.is_first else ""
        return f"""
    select
        coalesce(candidates.audience, held.audience) as audience,
        coalesce(candidates.key, held.key) as key,
        coalesce(candidates.person_id, held.person_id) as person_id,
        coalesce(candidates.purpose, held.purpose) as purpose,
        coalesce(candidates.is_wanted, false) as is_wanted,
        coalesce(candidates.has_match, true) as has_match,
        held.key is not null as is_held,
        candidates.fingerprint,
        held.fingerprint as held_fingerprint{first}{hashes}
    from candidates
    full outer join held on held.audience = candidates.audience and held.key = candidates.key
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
        change = "" if mode == "append" else "when fingerprint <> held_fingerprint then 'change' "
        if removes:
            withheld = "case when is_held then 'remove' else 'hold' end"
        elif mode == "append":
            withheld = "case when not is_held then 'hold' end"
        else:
            withheld = "'hold'"
        owed = f"withheld in ({', '.join(map(literal, OWED))})"
        gone = "'remove'" if mode in ("mirror", "audience") else "null"
        if gone == "null" and removes:
            gone = f"case when {owed} then 'remove' end"
        return f"""case
            when obstacle is not null then 'hold'
            when not is_wanted then {gone}
            when withheld is not null then {withheld}
            when not is_held or held_fingerprint = '' then {literal(first)}
            {change}end"""

    def _changed_fields(self) -> str:
        if self.is_first or not self.fields:
            return "cast(null as text)"
        values = [self.dialect.marks([value]) for value in self.fields.values()]
        differing = ", ".join(
            f"case when ({value})[1] is distinct from held.marks[{place}] then {literal(field)} end"
            for place, (field, value) in enumerate(zip(self.fields, values, strict=True), start=1)
        )
        return (
            "case when operation <> 'change' then null "
            f"when held.field_names = {literal(field_names(self.fields))} "
            f"then concat_ws(', ', {differing}) else {literal(FIELDS_CHANGED)} end"
        )


def field_names(fields: Iterable[str]) -> str:
    """Return the names that the marks in a snapshot row stand for."""
    return ",".join(fields)


def _named(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{value} as {quote(name)}" for name, value in columns.items())
