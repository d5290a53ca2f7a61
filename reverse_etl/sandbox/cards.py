"""What the page is made of: a section for each channel, a card for each audience or table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from reverse_etl.sandbox.display import cell, moment

SHOWN = 5
SHOWN_ON_REQUEST = 200

Row = list[Markup]


@dataclass(frozen=True)
class Card:
    """One audience, table or file: a title, how large it is, and its rows."""

    title: str
    size: int
    unit: str
    headers: list[str]
    rows: list[Row]
    changed: Markup | None = None
    joined: int | None = None
    left: int | None = None
    leavers: list[Markup] = field(default_factory=list)
    note: str = ""

    @property
    def first(self) -> list[Row]:
        """The rows that are in sight at once."""
        return self.rows[:SHOWN]

    @property
    def more(self) -> list[Row]:
        """The rows shown on request."""
        return self.rows[SHOWN:SHOWN_ON_REQUEST]

    @property
    def unseen(self) -> int:
        """How many are at the channel beyond those."""
        return max(0, self.size - SHOWN_ON_REQUEST)


@dataclass(frozen=True)
class Section:
    """One channel; ``size`` counts what its ``cards`` hold."""

    slug: str
    title: str
    about: str
    size: int
    unit: str
    cards: list[Card]


def counted(count: int, unit: str) -> str:
    """Return ``unit`` as one or many of it."""
    return unit if count == 1 else f"{unit}s"


def person(held: Mapping[str, Any], is_open: bool) -> str:
    """Return a first name and the last one's initial, or the whole name."""
    first = held.get("first_name") or held.get("firstname") or ""
    last = held.get("last_name") or held.get("lastname") or ""
    return f"{first} {last if is_open else last[:1] + '.' * bool(last)}".strip() or "–"


def leaver(entry: Mapping[str, Any], name: str, is_open: bool) -> Markup:
    """Return who left an audience, and when."""
    return Markup("{}, {}").format(cell(entry.get(name), is_open), moment(entry["at"]))
