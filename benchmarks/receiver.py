"""A loopback channel in its own process, faster than anything that is measured against it.

``python -m benchmarks.receiver`` prints its port and takes posts in the webhook's form. It speaks
HTTP/1.1 straight from an ``asyncio.Protocol`` and, unless it is told to keep count of keys, never
parses a body: a million rows in a thousand posts cost it about a tenth of a second.

``PUT /`` sets how it behaves and forgets what it saw; ``GET /`` returns what it saw.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

RECORD = re.compile(rb'{"operation":"(\w+)","key":"([^"]*)","fields":({[^{}]*})}')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
IDEMPOTENCY = re.compile(rb"idempotency-key: *([^\r]*)", re.IGNORECASE)
REASONS = {200: "OK", 207: "Multi-Status", 429: "Too Many Requests", 500: "Server Error"}


@dataclass
class Behaviour:
    """``delay`` in seconds before each answer; ``per_second`` requests, the others get a 429.

    ``keeps``: hold every record by its key, and count what comes twice. ``refuses_every``: reject
    each record whose number is a multiple of it. ``fails_every``: answer so many-th request with a
    500, in turn before and after it was kept.
    """

    delay: float = 0.0
    per_second: int = 0
    keeps: bool = False
    refuses_every: int = 0
    fails_every: int = 0


@dataclass
class Seen:
    """What has arrived since the behaviour was set."""

    requests: int = 0
    began_at: float = 0.0
    ended_at: float = 0.0
    bytes: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    records: int = 0
    held: dict[str, Any] = field(default_factory=dict)
    delivered: set[bytes] = field(default_factory=set)
    batches: set[bytes] = field(default_factory=set)
    rows_repeated: int = 0
    rows_repeated_under_a_new_key: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the counts."""
        return {
            "requests": self.requests,
            "seconds": self.ended_at - self.began_at,  # from the first to arrive to the last
            "bytes": self.bytes,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "records": self.records,
            "keys": len(self.delivered),
            "rows_repeated": self.rows_repeated,
            "rows_repeated_under_a_new_key": self.rows_repeated_under_a_new_key,
        }


class Channel(asyncio.Protocol):
    """One connection; all share behaviour and memory."""

    behaviour = Behaviour()
    seen = Seen()
    window: tuple[int, int] = (0, 0)

    def __init__(self) -> None:
        self._chunks = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect until a request is complete, then answer it."""
        self._chunks += data
        end = self._chunks.find(b"\r\n\r\n")
        while end >= 0:
            head = bytes(self._chunks[:end])
            length = LENGTH.search(head)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self._chunks) < total:
                return
            body = self._chunks[end + 4 : total]
            del self._chunks[:total]
            self._request(head, body)
            end = self._chunks.find(b"\r\n\r\n")

    def _request(self, head: bytes, body: bytearray) -> None:
        if head.startswith(b"GET /held"):
            self._answer(200, json.dumps(Channel.seen.held).encode())
        elif head.startswith(b"GET"):
            self._answer(200, json.dumps(Channel.seen.summary()).encode())
        elif head.startswith(b"PUT"):
            wanted = json.loads(body)
            held = Channel.seen.held if wanted.pop("remembers") else {}
            Channel.behaviour, Channel.seen = Behaviour(**wanted), Seen(held=held)
            self._answer(200, b"{}")
        else:
            status, answer, headers = self._take(head, body)
            Channel.seen.statuses[status] += 1
            delay = Channel.behaviour.delay
            if delay:
                loop = asyncio.get_running_loop()
                loop.call_later(delay, self._answer, status, answer, headers)
            else:
                self._answer(status, answer, headers)

    def _take(self, head: bytes, body: bytearray) -> tuple[int, bytes, bytes]:
        behaviour, seen = Channel.behaviour, Channel.seen
        seen.ended_at = time.monotonic()
        seen.began_at = seen.began_at or seen.ended_at
        seen.requests += 1
        seen.bytes += len(body)
        if behaviour.per_second and not self._within(behaviour.per_second):
            return 429, b"{}", b"retry-after: 1\r\n"
        fails = bool(behaviour.fails_every) and seen.requests % behaviour.fails_every == 0
        if fails and seen.requests // behaviour.fails_every % 2:
            return 500, b"{}", b""
        refused: list[int] = []
        count = 0
        if behaviour.keeps or behaviour.refuses_every:
            records = RECORD.findall(body)
            count = len(records)
            refused = [place for place, record in enumerate(records) if self._is_refused(record[1])]
            self._keep([each for each in records if not self._is_refused(each[1])], head)
        if fails:
            return 500, b"{}", b""
        if not refused:
            return 200, b'{"ok":true}', b""
        results = [{"index": place, "status": 200} for place in range(count)]
        for place in refused:
            results[place] |= {"status": 422, "message": "no such country"}
        return 207, json.dumps({"results": results}).encode(), b""

    def _keep(self, records: list[tuple[bytes, bytes, bytes]], head: bytes) -> None:
        seen = Channel.seen
        seen.records += len(records)
        found = IDEMPOTENCY.search(head)
        batch = found[1] if found else b""
        is_known = bool(batch) and batch in seen.batches
        seen.batches.add(batch)
        for operation, key, fields in records:
            if key in seen.delivered:
                seen.rows_repeated += 1
                seen.rows_repeated_under_a_new_key += 0 if is_known else 1
            seen.delivered.add(key)
            if operation == b"remove":
                seen.held.pop(key.decode(), None)
            else:
                seen.held[key.decode()] = fields.decode()

    @staticmethod
    def _is_refused(key: bytes) -> bool:
        every = Channel.behaviour.refuses_every
        return bool(every) and int(key.lstrip(b"c")) % every == 0

    @staticmethod
    def _within(per_second: int) -> bool:
        """Count requests per second of the clock, as vendors with a hard limit do."""
        second, count = Channel.window
        now = int(time.monotonic())
        count = count + 1 if now == second else 1
        Channel.window = (now, count)
        return count <= per_second

    def _answer(self, status: int, body: bytes, headers: bytes = b"") -> None:
        reason = REASONS[status]
        self._transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s"
            % (status, reason.encode(), headers, len(body), body)
        )


@dataclass(frozen=True)
class Receiver:
    """A receiver that runs in another process."""

    url: str

    def behave(self, *, remembers: bool = False, **behaviour: Any) -> None:
        """Set how it behaves; it forgets what it saw, and what it holds unless it remembers."""
        body = json.dumps(asdict(Behaviour(**behaviour)) | {"remembers": remembers}).encode()
        urllib.request.urlopen(urllib.request.Request(self.url, body, method="PUT")).read()

    def seen(self) -> dict[str, Any]:
        """Return what it saw since."""
        with urllib.request.urlopen(self.url) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def held(self) -> dict[str, dict[str, Any]]:
        """Return the fields of every record that it holds, by key."""
        with urllib.request.urlopen(self.url + "/held") as answer:
            return {key: json.loads(fields) for key, fields in json.load(answer).items()}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Receiver(f"http://127.0.0.1:{process.stdout.readline().strip()}")
    finally:
        process.terminate()
        process.wait()


async def serve() -> None:
    """Take requests until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Channel, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
