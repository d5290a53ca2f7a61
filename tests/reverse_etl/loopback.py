"""A real HTTP server on this machine that answers what a test tells it, and remembers all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Told:
    """One answer. ``status`` 0 hangs up instead; ``after`` seconds pass before."""

    status: int
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0


@dataclass
class Loopback:
    """The server: ``answer`` decides, ``asked`` remembers."""

    answer: Callable[[Asked], Told]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def loopback(answer: Callable[[Asked], Told]) -> Iterator[Loopback]:
    """Serve on a free port of this machine."""
    server_side = Loopback(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(int(self.headers.get("content-length") or 0)),
            )
            server_side.asked.append(asked)
            told = server_side.answer(asked)
            time.sleep(told.after)
            if told.status == 0:
                self.close_connection = True
                return
            content = told.content
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            body = b"" if content is None or told.status in (204, 304) else body
            self.send_response(told.status)
            for name, value in {"Content-Type": "application/json", **told.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server_side.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server_side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
