"""Drives conversations in tests: over real HTTP to a sandbox, or against answers made up front."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from reverse_etl.channel.batch import Audience, Batch, Mode, Operation, Record
from reverse_etl.channel.destination import Destination
from reverse_etl.channel.exchange import Request, Response, Verdict

SETTINGS = {
    "TOKEN": "sandbox",
    "AD_ACCOUNT": "sandbox",
    "VERSION": "v26.0",
    "ACCOUNT": "1234567890",
    "CONSENT": "CONSENT_GRANTED",
    "ADVERTISER": "1234567890",
    "KEY": "1234567890:00ff",
}


def records(
    operation: Operation, rows: Iterable[dict[str, Any]], **sent: dict[str, Any]
) -> list[Record]:
    """Records with keys p1, p2 …; ``sent`` gives the match keys as sent before, by record key."""
    return [
        Record(f"p{number}", operation, fields, sent_match=sent.get(f"p{number}", {}))
        for number, fields in enumerate(rows, start=1)
    ]


def batch(
    rows: Sequence[Record],
    object_name: str,
    mode: Mode = "audience",
    audience: Audience | None = None,
    **settings: str,
) -> Batch:
    """A batch as the engine would make it."""
    return Batch(
        sync="test_sync",
        run_id="run1",
        batch_id="run1-0001",
        object=object_name,
        mode=mode,
        operation=rows[0].operation,
        records=rows,
        settings={**SETTINGS, **settings},
        audience=audience,
    )


def answer(status: int, content: Any = None, content_type: str = "application/json") -> Response:
    """A response made up front."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(status, {"content-type": content_type}, b"" if content is None else body)


def play(
    conversation: Generator[Request, Response, Any], *answers: Response
) -> tuple[list[Request], Any]:
    """Answer a conversation from a list; return the requests it made and what it returned."""
    asked: list[Request] = []
    waiting = iter(answers)
    try:
        asked.append(next(conversation))
        while True:
            asked.append(conversation.send(next(waiting)))
    except StopIteration as end:
        return asked, end.value


def by_key(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """Verdicts by record; every record has exactly one."""
    found = list(verdicts)
    keyed = {verdict.key: verdict for verdict in found}
    assert len(keyed) == len(found)
    return keyed


@dataclass
class Wire:
    """Sends a destination's requests to a sandbox and remembers every byte that left."""

    destination: Destination
    url: str
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    sent: list[requests.PreparedRequest] = field(default_factory=list)
    answered: list[requests.Response] = field(default_factory=list)

    def run(self, conversation: Generator[Request, Response, Any]) -> Any:
        """Drive a conversation to its end and return its result."""
        response: Response | None = None
        with requests.Session() as session:
            while True:
                try:
                    request = conversation.send(response)  # type: ignore[arg-type]
                except StopIteration as end:
                    return end.value
                response = self._send(session, request)

    def _send(self, session: requests.Session, request: Request) -> Response:
        time.sleep(min(request.wait_before, 0.01))
        headers = {**self.destination.headers(self.settings), **request.headers}
        body: Any = request.body
        if request.json is not None:
            body = json.dumps(request.json).encode()
            headers.setdefault("Content-Type", "application/json")
        elif request.form is not None:
            body = dict(request.form)
        prepared = session.prepare_request(
            requests.Request(
                request.method,
                f"{self.url}/{self.destination.slug}{request.path}",
                headers=headers,
                params=dict(request.params),
                data=body,
            )
        )
        self.sent.append(prepared)
        got = session.send(prepared, timeout=10)
        self.answered.append(got)
        return Response(
            got.status_code, {k.lower(): v for k, v in got.headers.items()}, got.content
        )

    def converse(self, a_batch: Batch) -> dict[str, Verdict]:
        """Send one batch and return its verdicts by record."""
        return by_key(self.run(self.destination.converse(a_batch)))

    def prepare(self, object_name: str, name: str, label: str) -> Audience:
        """Find or create the list for an audience."""
        channel_id = self.run(self.destination.prepare(object_name, name, label, self.settings))
        return Audience(name, label, channel_id)

    def bytes_sent(self) -> bytes:
        """Everything that left: URLs and bodies."""
        parts = [str(request.url).encode() for request in self.sent]
        parts += [
            request.body if isinstance(request.body, bytes) else (request.body or "").encode()
            for request in self.sent
        ]
        return b"\n".join(parts)
