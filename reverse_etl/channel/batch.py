"""What a conversation is given: records of one operation, and what may be done with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

Operation = Literal["add", "change", "remove", "append", "merge"]
Mode = Literal["upsert", "mirror", "audience", "append"]
Option = Literal["update_only", "create_only", "keep_edits"]


class Fields(Mapping[str, Any]):
    """The fields of a record as the warehouse wrote them: JSON, parsed only if somebody looks.

    A destination that sends them as they are passes ``as_json`` to ``orjson.dumps``, and the text
    built in SQL goes onto the wire untouched.
    """

    __slots__ = ("_parsed", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._parsed: dict[str, Any] | None = None

    def _values(self) -> dict[str, Any]:
        if self._parsed is None:
            self._parsed = orjson.loads(self.text)
        return self._parsed

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())


def as_json(value: Any) -> Any:
    """Return a mapping as ``orjson`` can write it: pass this as its ``default``."""
    if isinstance(value, Fields):
        return orjson.Fragment(value.text)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@dataclass(frozen=True)
class Record:
    """One planned row.

    ``fields`` are the columns to send, JSON values, control columns already taken out.
    ``channel_id`` is the id by which the channel knows the record, where it told us one.
    ``sent_match`` are the match keys as last sent (on ``change`` and ``remove``), so that a
    destination can find the record although its e-mail has changed since; and the fields whose
    edits are kept, so that it can tell an edit from what we wrote. Of a ``merge``, ``fields`` are
    ``into_key`` and ``into_id``: the record it becomes part of, by our key and the channel's id.
    """

    key: str
    operation: Operation
    fields: Mapping[str, Any]
    channel_id: str | None = None
    sent_match: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: str | None = None


@dataclass(frozen=True)
class Audience:
    """The list at the channel that an audience sync fills; ``channel_id`` once it exists there."""

    name: str
    label: str
    channel_id: str


@dataclass(frozen=True)
class Options:
    """What a sync may do to records that it finds, or does not find, at the channel.

    ``update_only`` never creates a record, ``create_only`` never touches one that exists.
    ``keep_edits`` names fields of which the channel's value stays where it is neither empty nor
    what was sent last: somebody wrote it there.
    """

    update_only: bool = False
    create_only: bool = False
    keep_edits: tuple[str, ...] = ()

    @property
    def chosen(self) -> tuple[Option, ...]:
        """The options that differ from their defaults."""
        names: tuple[Option, ...] = ("update_only", "create_only", "keep_edits")
        return tuple(name for name in names if getattr(self, name))


@dataclass(frozen=True)
class Batch:
    """Records of one operation (and one audience, in audience mode), within the limits."""

    sync: str
    run_id: str
    batch_id: str  # stable over retries and restarts: usable as an idempotency key
    object: str
    mode: Mode
    operation: Operation
    records: Sequence[Record]
    settings: Mapping[str, str]
    audience: Audience | None = None
    match: Sequence[str] = ()
    options: Options = Options()
