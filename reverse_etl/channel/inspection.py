"""What a channel lacks of what a sync needs: properties, how they are made there, and scopes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
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
Granted: TypeAlias = Generator[Request, Response, Collection[str]]


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


@runtime_checkable
class Scoped(Protocol):
    """A channel that tells what its credentials may do, writing included, which no probe tries."""

    def scopes(self, settings: Mapping[str, str]) -> Granted:
        """Return the scopes that were granted, named as in ``Probe.needs``.

        Raises:
            Refused: the channel does not tell.
        """
        ...
