"""What a column of the warehouse becomes where a channel makes a property of it."""

from __future__ import annotations

from typing import Literal

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


def title_of(column: str) -> str:
    """Return a column's name in words: ``lead_score`` is Lead score."""
    return column.replace("_", " ").capitalize()
