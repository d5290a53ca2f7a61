"""The records of a batch as the spool holds them: lines of JSON that was built in SQL.

A line is a record as an element of a JSON array, the comma behind it included. Where there is more
to know than is sent, it goes on: the audience and an object ``about`` the record, as JSON, after
a ``SEPARATOR`` each. ``Record`` objects are made only for a destination that looks at single
records; one that sends them as they are takes ``text``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import orjson

from reverse_etl.channel.batch import Fields, Operation, Record, as_json

# What each operation is called in a record's JSON.
VERBS: dict[Operation, str] = {
    "add": "upsert",
    "change": "upsert",
    "remove": "remove",
    "append": "append",
    "merge": "merge",
}
SEPARATOR = b"\x1f"  # JSON has no such byte
BEFORE_KEY = b'"key":'
BEFORE_FIELDS = b',"fields":'
AFTER_FIELDS = b"},"


class Records(Sequence[Record]):
    """Lines of a spool, all of one operation and one audience."""

    def __init__(self, lines: Sequence[bytes], operation: Operation, audience: str) -> None:
        self._lines = lines
        self._operation = operation
        self._audience = audience

    @property
    def names(self) -> list[tuple[str, str]]:
        """What the plan knows the records by: audience and key."""
        return [(self._audience, key_of(line)) for line in self._lines]

    @property
    def text(self) -> memoryview:
        """The records as elements of a JSON array, without its brackets: see ``joined``."""
        lines = self._lines
        if SEPARATOR in lines[0]:
            lines = [line[: size_of(line)] for line in lines]
        return memoryview(b"".join(lines))[:-1]

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: int | slice) -> Record | Records:
        if isinstance(index, slice):
            return Records(self._lines[index], self._operation, self._audience)
        return next(iter(Records([self._lines[index]], self._operation, self._audience)))

    def __iter__(self) -> Iterator[Record]:
        for line in self._lines:
            text, *more = line.split(SEPARATOR)
            about = orjson.loads(more[1]) if more else {}
            sent_match = about.get("sent_match")
            yield Record(
                key=key_of(text),
                operation=self._operation,
                fields=Fields(fields_of(text)),
                channel_id=about.get("channel_id"),
                sent_match=orjson.loads(sent_match) if sent_match else {},
                occurred_at=about.get("occurred_at"),
            )


def key_of(line: bytes) -> str:
    """Return a record's key; it ends where the fields begin, see ``fields_of``."""
    start = line.index(BEFORE_KEY) + len(BEFORE_KEY)
    key: str = orjson.loads(line[start : line.index(BEFORE_FIELDS)])
    return key


def audience_of(line: bytes) -> bytes:
    """Return a record's audience as JSON; nothing where the sync has none."""
    return line.split(SEPARATOR, 2)[1] if SEPARATOR in line else b""


def size_of(line: bytes) -> int:
    """Return how many bytes of a line are the record itself."""
    return line.index(SEPARATOR) if SEPARATOR in line else len(line)


def fields_of(text: bytes) -> bytes:
    """Return the part of a record's JSON that holds its fields.

    The first ``,"fields":`` is ours: within the key, its quotes would be escaped.
    """
    return text[text.index(BEFORE_FIELDS) + len(BEFORE_FIELDS) : -len(AFTER_FIELDS)]


def joined(records: Sequence[Record]) -> memoryview | bytes:
    """Return ``{"operation", "key", "fields"}`` of each record, comma between them, as JSON."""
    if isinstance(records, Records):
        return records.text
    return b",".join(orjson.dumps(_described(record), default=as_json) for record in records)


def _described(record: Record) -> dict[str, Any]:
    return {
        "operation": VERBS[record.operation],
        "key": record.key,
        "fields": record.fields,
    }
