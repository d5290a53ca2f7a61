"""The graph of people as it is explained: nodes, the evidence between them, what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RECORD = "record"

Kind = Literal["carries", "linked", "matched"]


@dataclass(frozen=True, order=True)
class Node:
    """An identifier (``type`` and normalised ``value``), or a source record (``record``)."""

    type: str
    value: str

    @classmethod
    def parse(cls, name: str) -> Node:
        """Return the node that the warehouse calls ``name``, such as ``record:crm/contact/1``."""
        kind, _, value = name.partition(":")
        return cls(kind, value)

    @property
    def is_record(self) -> bool:
        """Whether it is a source record."""
        return self.type == RECORD

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


@dataclass(frozen=True)
class Evidence:
    """One edge: a record carries an identifier, a human linked two, or a model matched two records.

    ``strength`` orders evidence, smallest first: 0 is a human's word, then identifiers by their
    priority, then matches. ``refusal_reason`` says why it merges nobody, and is null where it does.
    """

    left: Node
    right: Node
    kind: Kind
    strength: float
    refusal_reason: str | None = None
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    arrived_at: datetime | None = None
    probability: float | None = None

    @property
    def ends(self) -> tuple[Node, Node]:
        """Both nodes."""
        return self.left, self.right

    @property
    def source(self) -> str | None:
        """The source whose record it stands on; none where a human said it."""
        return self.left.value.partition("/")[0] if self.left.is_record else None

    def other(self, node: Node) -> Node:
        """Return the end that is not ``node``."""
        return self.right if node == self.left else self.left


@dataclass(frozen=True)
class Hint:
    """Something that records on both sides say, which is no evidence: a name, a town."""

    attribute: str
    value: str


@dataclass(frozen=True)
class Change:
    """What became of a ``person_id``: created, merged into another, split off."""

    change: str
    person_id: str
    to_person_id: str
    effective_at: object
    recorded_at: object
