"""Members of an advertising audience: each a row of prepared identifiers, the unusable left out.

What leaves for an advertising channel is made here and by ``identifiers`` alone, so that one place
decides that nothing which names a person leaves in clear.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.identifiers import RULES, prepare
from reverse_etl.conversation.verdicts import rejected

Row = dict[str, str]
Rows = dict[str, tuple[Record, Row]]
Finding = frozenset[tuple[str, str]]
Tell = Callable[[Rows], Generator[Request, Response, list[Verdict]]]

# Identifiers that are parts of one column.
COLUMNS = {name: "date_of_birth" for name in ("birth_year", "birth_month", "birth_day")}


@dataclass(frozen=True)
class Identifiers:
    """What one channel matches people by.

    ``keys`` maps the channel's own name of an identifier to ours, in the order in which they are
    sent. A person can be found by any one of ``alternatives``, each a set of keys that are needed
    together; ``removal`` are the keys that a removal needs, no more than tells people apart.
    """

    vendor: str
    keys: Mapping[str, str]
    alternatives: tuple[frozenset[str], ...]
    removal: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a sync may have."""
        return tuple(dict.fromkeys(map(_column, self.keys.values())))

    @property
    def hashed(self) -> tuple[str, ...]:
        """Those of them that leave only as hashes."""
        names = (name for name in self.keys.values() if RULES[self.vendor][name].hashed)
        return tuple(dict.fromkeys(map(_column, names)))

    def row(self, fields: Mapping[str, Any], keys: Sequence[str] | None = None) -> Row:
        """Return the identifiers of one person as the channel takes them."""
        country = fields.get("country")
        chosen = {key: self.keys[key] for key in (self.keys if keys is None else keys)}
        prepared = {
            key: prepare(self.vendor, name, fields.get(_column(name)), country)
            for key, name in chosen.items()
        }
        return {key: value for key, value in prepared.items() if value}

    def is_usable(self, row: Row) -> bool:
        """Whether the channel could find anybody by this row."""
        return any(needed <= set(row) for needed in self.alternatives)

    def rows(self, batch: Batch) -> tuple[Rows, list[Verdict]]:
        """Return a batch's rows by record, and verdicts of records that match nobody."""
        removing = batch.operation == "remove"
        rows: Rows = {}
        verdicts = []
        for record in batch.records:
            known = {**record.fields, **record.sent_match} if removing else record.fields
            row = self.row(known, self.removal if removing else None)
            if self.is_usable(row):
                rows[record.key] = (record, row)
            else:
                reason = "It has no identifier that the channel could match to anybody."
                verdicts.append(rejected(record, "no_usable_key", reason, is_permanent=True))
        return rows, verdicts

    def moved(self, rows: Rows) -> Rows:
        """Return the rows as sent before, where what finds people has changed.

        What still finds somebody in ``rows`` is not taken out.
        """
        staying = set[Finding]().union(*(self._findings(row) for _, row in rows.values()))
        moved: Rows = {}
        for key, (record, _) in rows.items():
            gone = self._findings(self.row(record.sent_match)) - staying
            if gone:
                moved[key] = (record, dict(sorted(frozenset[tuple[str, str]]().union(*gone))))
        return moved

    def exchange(
        self, batch: Batch, add: Tell, remove: Tell
    ) -> Generator[Request, Response, list[Verdict]]:
        """Add a batch's people or take them out; who moved leaves first, as they were known."""
        rows, verdicts = self.rows(batch)
        if batch.operation == "remove":
            return verdicts + (yield from remove(rows))
        for verdict in (yield from remove(self.moved(rows))):
            if verdict.status != "acknowledged":
                verdicts.append(verdict)
                del rows[verdict.key]
        return verdicts + (yield from add(rows))

    def _findings(self, row: Row) -> set[Finding]:
        """Return what of a row finds a person, each by itself."""
        found = (needed for needed in self.alternatives if needed <= set(row))
        return {frozenset((key, row[key]) for key in needed) for needed in found}


def chunks(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield the rows in pieces of at most ``size``."""
    items = list(rows.items())
    for start in range(0, len(items), size):
        yield dict(items[start : start + size])


def _column(identifier: str) -> str:
    return COLUMNS.get(identifier, identifier)
