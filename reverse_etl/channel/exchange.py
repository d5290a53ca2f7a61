"""What a conversation yields, receives and returns: requests, responses, verdicts, listings."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, overload

from reverse_etl.channel.batch import Record

Status = Literal["acknowledged", "rejected", "skipped", "retry"]


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

    @property
    def is_done(self) -> bool:
        """Whether a success says nothing, or something in JSON: no page of a server on the way."""
        return self.ok and (not self.body.strip() or isinstance(self.json(), dict | list))

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
