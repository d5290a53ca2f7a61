"""What a stand-in receives and answers, independent of the HTTP server around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

Document = dict[str, Any]


def now() -> str:
    """Return the present as the vendors write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@dataclass(frozen=True)
class Call:
    """One request. Header names are lower case; ``path`` starts after the vendor's slug.

    ``picks`` says of a record whether the vendor is told to reject it (partial rejection).
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""
    picks: Callable[[Any], bool] = lambda record: False

    def json(self) -> Any:
        """Return the parsed body, or ``None`` where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def form(self) -> dict[str, str]:
        """Return the fields of a form body."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """One response; ``content`` is written as JSON, ``None`` as an empty body."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def body(self) -> bytes:
        """Return the bytes to send."""
        if self.content is None:
            return b""
        if isinstance(self.content, str):
            return self.content.encode()
        return json.dumps(self.content, ensure_ascii=False).encode()


class StandIn(Protocol):
    """One vendor's stand-in: it keeps what it was sent and answers in the vendor's words."""

    slug: str
    label: str

    def handle(self, call: Call) -> Answer:
        """Answer one request, changing what is kept."""
        ...

    def limited(self, retry_after: str) -> Answer:
        """Return the vendor's answer to too many requests."""
        ...

    def broken(self) -> Answer:
        """Return the vendor's answer when something fails on its side."""
        ...

    def state(self) -> Document:
        """Return what it keeps, as JSON values; ``restore`` takes it back."""
        ...

    def restore(self, state: Document) -> None:
        """Take back what ``state`` returned."""
        ...


class History(list[Document]):
    """What happened, oldest first; the newest 20,000 entries, so that a long life stays light."""

    LONGEST = 20_000

    def note(self, operation: str, **details: Any) -> None:
        """Add one entry with the present time."""
        self.append({"at": now(), "operation": operation, **details})
        if len(self) > self.LONGEST:
            del self[: len(self) - self.LONGEST]
