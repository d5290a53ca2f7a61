"""What should be at the channel: the ``sync_*`` relation as expressions and queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reverse_etl.contract.project import Sync
from reverse_etl.planning.privacy import identifier_columns, identifier_hash
from reverse_etl.warehouse.dialect import Dialect, fingerprint, key, literal, quote


@dataclass(frozen=True)
class Scope:
    """The part of a sync that a plan looks at, by ``audience``, ``key`` and ``person_id``.

    ``wanted`` chooses among the candidates, and may ask for their ``fingerprint`` too; ``held``
    among what is known of the channel. ``has_whole_people`` says that all records of somebody are
    in it, or none, and of two people who turned out to be one as well.
    """

    wanted: str
    held: str
    has_whole_people: bool = False

    @classmethod
    def of_key(cls, key: str) -> Scope:
        """Return the scope of one record."""
        return cls(f"key = {literal(key)}", f"key = {literal(key)}")

    @classmethod
    def of_touched(cls, since: datetime) -> Scope:
        """Return the scope of whom micro-batches have touched since an instant, it included."""
        touched = (
            "person_id in (select person_id from ops.touched_people "
            f"where moment >= cast({literal(since.isoformat(sep=' '))} as timestamp))"
        )
        return cls(touched, touched, has_whole_people=True)


@dataclass(frozen=True)
class Candidates:
    """The relation's rows, by its columns ``types`` as they are in the warehouse.

    Without ``types`` nothing can be read from it. ``with_content`` also selects what is otherwise
    looked up later for the few rows that need it.
    """

    sync: Sync
    dialect: Dialect
    types: Mapping[str, str]
    markets: bool
    with_content: bool = False
    scope: Scope | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The sent columns that the relation has, each with its expression."""
        return {
            column: self.dialect.value(f"relation.{quote(column)}", self.types[column])
            for column in self.sync.fields
            if column in self.types
        }

    @property
    def compared(self) -> dict[str, str]:
        """The same columns as they are in the warehouse, cheaper to compare than as JSON."""
        return {column: f"relation.{quote(column)}" for column in self.fields}

    @property
    def key(self) -> str:
        """The key's expression over ``relation``."""
        return key(self.sync.key, "relation")

    @property
    def audience(self) -> str:
        """The audience's expression over ``relation``."""
        return "coalesce(relation.audience, '')" if self.sync.is_audience else "''"

    def query(self) -> str:
        """Return the select of all candidates, in the scope."""
        columns = {
            "audience": self.audience,
            "key": self.key,
            "person_id": self._column("person_id"),
            "purpose": self._column("purpose")
            if self.sync.is_audience
            else literal(self.sync.purpose.name),
            "fingerprint": self.fingerprint(),
            "quick_hash": self.dialect.quick_hash(self.compared, self.types),
            "has_match": self._has_match(),
            "is_wanted": "true",
        }
        columns |= {f"hash_{name}": value for name, value in self.hashes().items()}
        if self.with_content:
            columns |= {"marks": self.marks(), "match": self.match()}
            columns |= {"occurred_at": self.occurred_at()}
        if not self.types:
            kinds = {"has_match": "boolean", "is_wanted": "boolean", "occurred_at": "timestamp"}
            kinds |= {"marks": self.dialect.marks_type, "fingerprint": "uuid"}
            kinds |= {"quick_hash": self.dialect.hash_type}
            columns = {name: f"cast(null as {kinds.get(name, 'text')})" for name in columns}
            return f"select {_named(columns)} where false"
        every = f"select {_named(columns)} from {self.sync.relation} as relation"
        return (
            f"select * from ({every}) as candidate where {self.scope.wanted}"
            if (self.scope)
            else every
        )

    def repeated(self) -> str:
        """Return the query of keys that occur twice.

        They are found by a short hash first, which takes a tenth of the memory.
        """
        if not self.types:
            return "select cast(null as text) as audience, cast(null as text) as key where false"
        both = f"{self.audience} || '/' || {self.key}" if self.sync.is_audience else self.key
        hashed = self.dialect.short_hash(both)
        return f"""with repeated_hashes as (
    select {hashed} as hashed from {self.sync.relation} as relation group by 1 having count(*) > 1
)
select {self.audience} as audience, {self.key} as key
from {self.sync.relation} as relation
inner join repeated_hashes on repeated_hashes.hashed = {hashed}
group by 1, 2
having count(*) > 1"""

    def join(self, to: str, wanted_key: str, kind: str = "left", source: str = "") -> str:
        """Return the join from ``to`` back to the rows themselves, or to a copy of some."""
        # Conditions other than equalities would make this a nested loop on DuckDB.
        audience = f" and {self.audience} = {to}.audience" if self.sync.is_audience else ""
        relation = source or self.sync.relation
        return f"{kind} join {relation} as relation on {self.key} = {wanted_key}{audience}"

    def fingerprint(self) -> str:
        """Return the expression of what two records have in common only if they are the same."""
        return fingerprint(self.compared)

    def marks(self) -> str:
        """Return the expression of one short hash per field."""
        if not self.types:
            return f"cast(null as {self.dialect.marks_type})"
        return self.dialect.marks(list(self.compared.values()))

    def match(self) -> str:
        """Return the expression of what is remembered of a record in clear.

        It is found by its match keys later, and an edit at the channel is told from what was sent.
        An event is never looked for again.
        """
        if self.sync.mode == "append" or not self.types:
            return "cast(null as text)"
        names = (*self.sync.match, *self.sync.options.keep_edits)
        kept = {name: self.fields[name] for name in names if name in self.fields}
        return self.dialect.json_object(kept) if kept else "cast(null as text)"

    def occurred_at(self) -> str:
        """Return the expression of when what the row tells of happened."""
        kind = self.types.get("occurred_at", "").lower()
        if kind.startswith("timestamp with time zone"):
            return "cast(relation.occurred_at at time zone 'UTC' as timestamp)"
        known = kind.startswith(("timestamp", "date"))
        return f"cast({'relation.occurred_at' if known else 'null'} as timestamp)"

    def hashes(self) -> dict[str, str]:
        """Return the addresses by which somebody may be suppressed, hashed, by column."""
        if not self.markets:
            return {}
        return {
            column: identifier_hash(self.dialect, f"cast(relation.{quote(column)} as text)")
            for column in identifier_columns(self.sync)
        }

    def _column(self, name: str) -> str:
        return f"cast(relation.{quote(name)} as text)" if name in self.types else "null"

    def _has_match(self) -> str:
        """Whether any identifier is there by which the channel can know the record."""
        usable = list(self.usable().values())
        return f"({' or '.join(usable)})" if usable else "true"

    def usable(self) -> dict[str, str]:
        """Return, for each match column, whether it holds something to be found by.

        Where it is hashed before it leaves, a broken address would be found by nobody, and no
        channel would say so; elsewhere the channel's verdict is worth more than ours.
        """
        found = {}
        for column in self.sync.match:
            if column in self.types:
                text = f"trim(cast(relation.{quote(column)} as text))"
                found[column] = f"coalesce({text} <> '', false)"
                if column == "email" and column in self.sync.object.hashed:
                    shape = f"{text} like '%_@_%._%' and {text} not like '% %'"
                    is_hash = f"{text} not like '%@%' and length({text}) = 64"
                    found[column] = f"coalesce(({shape}) or ({is_hash}), false)"
        return found


def _named(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{value} as {quote(name)}" for name, value in columns.items())
