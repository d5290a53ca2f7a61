"""What a column of the warehouse becomes where a channel makes a property of it, and its values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Verdict
from reverse_etl.conversation.verdicts import rejected

Kind = Literal["number", "boolean", "instant", "day", "text"]

# By what a type's name contains, on any warehouse; an instant's may contain a day's.
_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("number", ("int", "numeric", "decimal", "double", "float", "real")),
    ("boolean", ("bool",)),
    ("instant", ("timestamp", "datetime")),
    ("day", ("date",)),
)


def kind_of(data_type: str) -> Kind:
    """Return what a type of the warehouse holds; text, where it is none that is known."""
    written = data_type.lower()
    return next((kind for kind, names in _KINDS if any(name in written for name in names)), "text")


def as_text(value: Any) -> str:
    """Return a value as text: nothing as ``""``, lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def unknown_fields(records: Iterable[Record], columns: Sequence[str], label: str) -> list[Verdict]:
    """Return the verdict of records with columns that are no fields of the channel's yet."""
    lacking = f"{label} has no field for {', '.join(columns)}"
    reason = f"{lacking}; `seamline check --connect --create` makes it."
    return [rejected(record, "unknown_field", reason) for record in records]


def title_of(column: str) -> str:
    """Return a column's name in words: ``lead_score`` is Lead score."""
    return column.replace("_", " ").capitalize()
