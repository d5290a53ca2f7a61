"""What a destination is: declared data plus a pure conversation.

A destination never does I/O. Its conversations are generators that yield ``Request`` objects,
receive ``Response`` objects, and return a verdict for every record. The engine owns connections,
pacing, retries, splitting and the ledger.

How the engine treats what comes back, so that no destination has to:

- 429, 5xx, time-outs and lost connections are retried for as long as the class of the response
  allows it (``Retry-After`` honoured), before the conversation sees anything. When patience ends,
  the whole batch is left ``retry``.
- 401 and 403 stop the sync with one clear error.
- Every other response is handed to the conversation, which reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, overload, runtime_checkable

import orjson

Operation = Literal["add", "change", "remove", "append", "merge"]
Mode = Literal["upsert", "mirror", "audience", "append"]
Status = Literal["acknowledged", "rejected", "skipped", "retry"]
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


@dataclass(frozen=True)
class Request:
    """One HTTP request, relative to the connection's base URL. ``json`` or ``form`` or ``body``."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    json: Any = None
    form: Mapping[str, str] | None = None
    body: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True  # False: a lost answer must not be answered by sending it again
    remembered: bool = False  # True: its answer, a job's id, is kept over a restart of the process
    wait_before: float = 0.0  # seconds; polling


@dataclass(frozen=True)
class Response:
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is in the 200s."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the parsed body, or ``None`` where it is empty or no JSON (an HTML error page)."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None


EXISTS = "exists"
ABSENT = "absent"


@dataclass(frozen=True)
class Verdict:
    """What became of one record: its vendor's ``code``, and ``reason`` in words.

    A rejected record is tried again on later runs, unless ``is_permanent`` says that the same
    payload can never be taken; then only a changed one is. A record is ``skipped`` where the
    sync's options leave it alone: ``EXISTS`` at the channel already, or is ``ABSENT`` there.
    """

    key: str
    status: Status
    code: str = ""
    reason: str = ""
    channel_id: str | None = None
    is_permanent: bool = False


class Acknowledged(Sequence[Verdict]):
    """The verdict of records that the channel took all together."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Verdict: ...

    @overload
    def __getitem__(self, index: slice) -> Acknowledged: ...

    def __getitem__(self, index: int | slice) -> Verdict | Acknowledged:
        if isinstance(index, slice):
            return Acknowledged(self._records[index])
        return Verdict(self._records[index].key, "acknowledged")

    def __iter__(self) -> Iterator[Verdict]:
        return (Verdict(record.key, "acknowledged") for record in self._records)


class Refused(Exception):  # noqa: N818 - a verdict in the vendor's words, not a defect
    """The channel refused the whole batch; the engine bisects until the bad record stands alone."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Found:
    """One record as a channel lists it.

    ``fields`` are named by the sync's columns and hold the channel's form of the values; ``key``
    is ours, where the channel keeps it.
    """

    channel_id: str | None
    fields: Mapping[str, Any]
    key: str | None = None


@dataclass(frozen=True)
class Page:
    """Some of what a channel lists; ``cursor`` leads to the next page, empty on the last one."""

    records: Sequence[Found]
    cursor: str = ""


Listing = Generator[Request, Response, Page]
Conversation = Generator[Request, Response, Sequence[Verdict]]
Preparation = Generator[Request, Response, str]


@dataclass(frozen=True)
class Limits:
    """Per request: most rows, most bytes of body; per second: most requests; most in flight."""

    rows: int
    bytes: int
    requests_per_second: float
    concurrency: int = 8


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

    ``fields`` empty means: any column. ``hashed`` names the fields that leave only as hashes.
    ``match`` is the identifiers of which at least one must be usable for a record to be sendable.
    ``options`` are those that a sync of it may choose; edits of ``composite`` fields cannot be
    told from what is there besides, and so not kept. ``lists`` says that the channel can tell what
    it holds (``Lister`` or ``ReadableStore``), ``merges`` that it can make one record of two.
    ``probe`` is asked by ``seamline check --connect``.
    """

    name: str
    modes: tuple[Mode, ...]
    limits: Limits
    match: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    composite: tuple[str, ...] = ()
    lists: bool = False
    merges: bool = False
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
