"""What a destination is: declared data plus a pure conversation.

A destination never does I/O. Its conversations are generators that yield ``Request`` objects,
receive ``Response`` objects, and return a verdict for every record. The engine owns connections,
pacing, retries, splitting and the ledger.

How the engine treats what comes back, so that no destination has to:

- 429, 5xx, time-outs and lost connections are retried for as long as the class of the response
  allows it (``Retry-After`` honoured), before the conversation sees anything. When patience ends,
  the whole batch is left ``retry``.
- 401 and 403 stop the sync with one clear error: the credentials are not known, or may not do this.
- A vendor who says these things in another way declares how (``reverse_etl.channel.meaning``).
- Every other response is handed to the conversation, which reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from reverse_etl.channel.batch import Audience, Batch, Mode, Option
from reverse_etl.channel.exchange import (
    Conversation,
    Found,
    Listing,
    Preparation,
    Request,
    Response,
    Verdict,
)


@dataclass(frozen=True)
class Limits:
    """Per request: most rows, most bytes of body; per second: most requests; most in flight.

    Where a channel counts by the minute as well, that is how many; 0: it does not. ``group`` names
    those of its addresses that it counts by themselves; ``""``: it counts all of them together.
    """

    rows: int
    bytes: int
    requests_per_second: float
    concurrency: int = 8
    requests_per_minute: int = 0
    group: str = ""


@dataclass(frozen=True)
class Setting:
    """One thing the connection needs, read from ``<CONNECTION>_<NAME>`` in the environment.

    ``is_address`` says that a store lies outside this machine where it is left empty.
    """

    name: str
    help: str
    secret: bool = False
    required: bool = True
    default: str = ""
    is_address: bool = False


def _nothing_wrong(response: Response) -> str:
    return ""


@dataclass(frozen=True)
class Probe:
    """The vendor's cheapest call that only a good connection answers; it changes nothing.

    Its path may name settings in braces: ``/lists/{LIST_ID}``. ``needs`` are the scopes or
    permissions that the credentials must have, in the vendor's words; ``passes`` the statuses
    besides 2xx that prove them good (a 400 to an empty body); ``complaint`` reads the answer of a
    vendor that says 200 to everything, and returns what is wrong or ``""``.
    """

    request: Request
    needs: tuple[str, ...] = ()
    passes: tuple[int, ...] = ()
    complaint: Callable[[Response], str] = _nothing_wrong


@dataclass(frozen=True)
class ChannelObject:
    """One kind of record at the channel: modes, match keys, and the fields it takes.

    ``fields`` empty means: any column, with a name of ``longest_name`` characters at most, if that
    is not 0. ``hashed`` names the fields that leave only as hashes.
    ``match`` is the identifiers of which at least one must be usable for a record to be sendable.
    ``options`` are those that a sync of it may choose, ``no_others`` says why there are no more;
    edits of ``composite`` fields cannot be told from what is there besides, and so not kept.
    ``lists`` says that the channel can tell what it holds (``Lister`` or ``ReadableStore``),
    ``merges`` that it can make one record of two, ``replaces`` that it takes an audience as a whole
    (``Replacer``).
    ``probe`` is asked by ``seamline check --connect``.
    """

    name: str
    modes: tuple[Mode, ...]
    limits: Limits
    match: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    longest_name: int = 0
    hashed: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    no_others: str = ""
    composite: tuple[str, ...] = ()
    lists: bool = False
    merges: bool = False
    replaces: bool = False
    probe: Probe | None = None


@runtime_checkable
class Destination(Protocol):
    """A channel spoken over HTTP."""

    slug: str
    label: str
    base_url: str
    settings: tuple[Setting, ...]
    objects: tuple[ChannelObject, ...]

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request: authorisation, version, content type."""
        ...

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find or create the list for an audience; return the channel's id for it."""
        ...

    def converse(self, batch: Batch) -> Conversation:
        """Send one batch and return a verdict for every record in it.

        Raises:
            Refused: the channel refused the batch as a whole.
        """
        ...


@runtime_checkable
class Replacer(Protocol):
    """A channel spoken over HTTP that takes an audience as a whole, in the place of what it had."""

    def replace(self, batches: Iterable[Batch], total: int) -> Conversation:
        """Send one audience in one session; return verdicts of those alone who did not get in.

        Args:
            batches: the audience in order, read as they are asked for.
            total: how many records they have.

        Raises:
            Refused: the channel broke the session off.
        """
        ...


@runtime_checkable
class Lister(Protocol):
    """A channel spoken over HTTP that lists what it holds."""

    def list_page(
        self,
        object_name: str,
        columns: Sequence[str],
        audience: Audience | None,
        cursor: str,
        settings: Mapping[str, str],
    ) -> Listing:
        """Return one page, with ``columns`` as its fields; an audience may lack its channel id."""
        ...

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether ``theirs`` is how the channel shows our value of ``column``."""
        ...


@runtime_checkable
class Store(Protocol):
    """A channel that is storage (a file drop, a database) and is written, not talked to."""

    slug: str
    label: str
    settings: tuple[Setting, ...]
    objects: tuple[ChannelObject, ...]

    def write(self, batch: Batch) -> Sequence[Verdict]:
        """Stage one batch, so that a crash before ``commit`` shows readers nothing of it."""
        ...

    def commit(self, sync: str, run_id: str, settings: Mapping[str, str]) -> None:
        """Make everything staged in this run visible at once; repeating it changes nothing."""
        ...


@runtime_checkable
class ReadableStore(Protocol):
    """A store that tells what readers see in it."""

    def read(self, sync: str, settings: Mapping[str, str]) -> Iterator[Found]:
        """Yield what readers see of one sync."""
        ...

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """See ``Lister.holds``."""
        ...


@runtime_checkable
class Reachable(Protocol):
    """A store of which less can be asked than its first record, to see whether it lets us in."""

    def reach(self, sync: str, settings: Mapping[str, str]) -> None:
        """Ask the cheapest question that only a good connection answers; it changes nothing.

        Raises:
            SeamlineError: the connection is not good.
        """
        ...
