"""The records of a batch as the spool holds them: columns, and JSON built in SQL.

A batch of a thousand is one slice of an Arrow buffer. ``Record`` objects are made only for a
destination that looks at single records; one that sends them as they are takes ``text``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import orjson

from reverse_etl.channel.batch import Fields, Operation, Record, as_json

if TYPE_CHECKING:
    import pyarrow as pa

# What each operation is called in a record's JSON.
VERBS: dict[Operation, str] = {
    "add": "upsert",
    "change": "upsert",
    "remove": "remove",
    "append": "append",
    "merge": "merge",
}
BEFORE_FIELDS = b',"fields":'
AFTER_FIELDS = b"},"


class Records(Sequence[Record]):
    """Rows of a spool, all of one operation."""

    def __init__(self, rows: pa.RecordBatch, operation: Operation) -> None:
        self._rows = rows
        self._operation = operation

    @property
    def names(self) -> list[tuple[str, str]]:
        """What the plan knows the records by: audience and key."""
        columns = (self._rows.column(name).to_pylist() for name in ("audience", "key"))
        return list(zip(*columns, strict=True))

    @property
    def text(self) -> memoryview:
        """The records as elements of a JSON array, without its brackets: see ``joined``."""
        offsets = offsets_of(self._rows)
        content = memoryview(self._rows.column("text").buffers()[2])
        return content[offsets[0] : offsets[len(self)] - 1]

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: int | slice) -> Record | Records:
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return Records(self._rows.slice(start, stop - start), self._operation)
        return next(iter(Records(self._rows.slice(range(len(self))[index], 1), self._operation)))

    def __iter__(self) -> Iterator[Record]:
        names = ("key", "text", "channel_id", "sent_match", "occurred_at")
        columns = [self._rows.column(name).to_pylist() for name in names]
        for key, text, channel_id, sent_match, occurred_at in zip(*columns, strict=True):
            yield Record(
                key=key,
                operation=self._operation,
                fields=Fields(fields_of(text)),
                channel_id=channel_id,
                sent_match=orjson.loads(sent_match) if sent_match else {},
                occurred_at=occurred_at,
            )


def offsets_of(rows: pa.RecordBatch) -> memoryview:
    """Return where in its buffer each row's text begins, and the last one ends."""
    column = rows.column("text")
    offsets = memoryview(column.buffers()[1]).cast("i")
    return offsets[column.offset : column.offset + len(column) + 1]


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
