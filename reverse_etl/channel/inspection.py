"""What a channel lacks of the properties that a sync writes, and how they are made there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from reverse_etl.channel.exchange import Request, Response


@dataclass(frozen=True)
class Missing:
    """One property, by its column's name, and the request that makes it.

    Where that takes a second one, ``then`` returns it from the answer to the first; ``None`` where
    that answer cannot be read. Where the API makes none, ``advice`` says what a person has to do.
    """

    name: str
    creation: Request | None = None
    advice: str = ""
    then: Callable[[Response], Request | None] | None = None


Inspection: TypeAlias = Generator[Request, Response, Sequence[Missing]]


@runtime_checkable
class Inspector(Protocol):
    """A channel that tells which properties its records have."""

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Return which of ``columns`` (with their types in the warehouse) it does not have.

        Raises:
            Refused: the channel does not tell.
        """
        ...
