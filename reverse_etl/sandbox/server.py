"""The stand-in for every channel on one loopback port.

``/<slug>/…`` answers in the vendor's shapes, ``/`` is a page for people, ``/_state/<slug>`` what a
channel holds as JSON, ``/_control/faults`` plans faults, ``/health`` says that it is there.
"""

from __future__ import annotations

import functools
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from reverse_etl.errors import SeamlineError
from reverse_etl.sandbox.faults import Faults, picker
from reverse_etl.sandbox.hubspot import HubSpot
from reverse_etl.sandbox.klaviyo import Klaviyo
from reverse_etl.sandbox.meta import Meta
from reverse_etl.sandbox.page import render
from reverse_etl.sandbox.salesforce import Salesforce
from reverse_etl.sandbox.shelf import Shelf
from reverse_etl.sandbox.webhook import Webhook
from reverse_etl.sandbox.wire import Answer, Call, Document, StandIn

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAVED_EVERY_SECONDS = 1.0


class Sandbox:
    """The stand-ins, their planned faults, and where they are kept.

    What it holds outlives the process in ``home``; without one, nothing does.
    """

    def __init__(self, home: Path | None = None) -> None:
        found: tuple[StandIn, ...] = (HubSpot(), Klaviyo(), Meta(), Salesforce(), Webhook())
        self.stand_ins = {stand_in.slug: stand_in for stand_in in found}
        self.faults = Faults()
        self.home = home
        self.url = ""
        self._shelf = Shelf(home) if home else None
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._changed = threading.Event()
        self._closed = threading.Event()
        if self._shelf:
            self._restore(self._shelf)

    def _restore(self, shelf: Shelf) -> None:
        try:
            for slug, state in shelf.load().items():
                self.stand_ins[slug].restore(state)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            shelf.release()
            raise SeamlineError(
                f"{shelf.file} is not what the sandbox wrote ({error}); delete it to start empty."
            ) from error

    def open_at(self, url: str) -> None:
        """Say where it is served."""
        self.url = url
        if self._shelf:
            self._shelf.announce(url)

    def state(self, slug: str) -> Document:
        """Return a copy of what a channel holds."""
        with self._lock:
            copied: Document = json.loads(json.dumps(self.stand_ins[slug].state()))
        return copied

    def fail(self, slug: str, kind: str, times: int = 1, **options: Any) -> None:
        """Plan a fault; ``faults.py`` lists the kinds and their options."""
        if slug not in self.stand_ins:
            raise ValueError(f"there is no channel '{slug}'; there are {', '.join(self.stand_ins)}")
        self.faults.plan(slug, kind, times, **options)

    def handle(self, slug: str, call: Call) -> Answer | None:
        """Answer a request to a channel; ``None`` closes the connection without an answer."""
        stand_in = self.stand_ins[slug]
        fault = self.faults.strike(slug, call.path)
        kind = fault.kind if fault else ""
        if fault and kind == "slow":
            time.sleep(fault.seconds)
        if fault and kind == "rate_limit":
            return stand_in.limited(fault.retry_after)
        if kind == "error_before":
            return stand_in.broken()
        picked = Call(**{**vars(call), "picks": picker(fault)})
        with self._lock:
            answer = stand_in.handle(picked)
        if call.method != "GET":
            self._changed.set()
        if kind == "error_after":
            return stand_in.broken()
        return None if kind == "disconnect" else answer

    def save(self) -> None:
        """Keep what has changed since the last time."""
        with self._saving:
            if self._shelf is None or not self._changed.is_set():
                return
            self._changed.clear()
            with self._lock:
                content = json.dumps({slug: item.state() for slug, item in self.stand_ins.items()})
            self._shelf.store(content)

    def keep_saved(self) -> None:
        """Save shortly after every change until ``close``; meant for a thread of its own."""
        while not self._closed.wait(SAVED_EVERY_SECONDS):
            self.save()

    def close(self) -> None:
        """Save for the last time, and let another sandbox have the home."""
        self._closed.set()
        self.save()
        if self._shelf:
            self._shelf.release()


class Handler(BaseHTTPRequestHandler):
    """HTTP around a ``Sandbox``."""

    protocol_version = "HTTP/1.1"
    # Small answers would otherwise wait 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True
    server_version = "SeamlineSandbox"

    def __init__(self, sandbox: Sandbox, *arguments: Any) -> None:
        self.sandbox = sandbox
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Route one request."""
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = self._route(unquote(parts.path), query, body)
        if answer is None:
            self.close_connection = True
            return
        content = answer.body()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _route(self, path: str, query: dict[str, str], body: bytes) -> Answer | None:
        host = urlsplit(f"//{self.headers.get('host', '')}").hostname
        if host not in LOOPBACK:
            # A name that resolves here is a web page reaching for what its visitor can see.
            return Answer(403, {"message": "The sandbox answers on loopback addresses only."})
        first, _, rest = path.lstrip("/").partition("/")
        if first in self.sandbox.stand_ins:
            headers = {name.lower(): value for name, value in self.headers.items()}
            url = f"http://{self.headers['host']}/{first}"
            call = Call(self.command, f"/{rest}" if rest else "", query, headers, body, url)
            return self.sandbox.handle(first, call)
        special = {"/": self._page, "/health": self._health, "/_control/faults": self._plan}
        if path in special:
            return special[path](query, body)
        if first == "_state" and rest in self.sandbox.stand_ins:
            return Answer(200, self.sandbox.state(rest))
        return Answer(404, {"message": f"There is nothing at {path}."})

    def _page(self, query: dict[str, str], body: bytes) -> Answer:
        page = render(self.sandbox.state, self.sandbox.home, query)
        return Answer(200, page, {"Cache-Control": "no-store"}, "text/html; charset=utf-8")

    def _health(self, query: dict[str, str], body: bytes) -> Answer:
        return Answer(200, {"status": "ok", "channels": list(self.sandbox.stand_ins)})

    def _plan(self, query: dict[str, str], body: bytes) -> Answer:
        if self.command == "DELETE":
            self.sandbox.faults.clear()
            return Answer(204)
        if self.command != "POST":
            return Answer(405, {"message": "Faults are posted here."}, {"Allow": "POST, DELETE"})
        try:
            self.sandbox.fail(**json.loads(body))
        except (TypeError, ValueError) as error:
            return Answer(400, {"message": str(error)})
        return Answer(204)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: addresses of people are in the query strings."""


def _server(sandbox: Sandbox, host: str, port: int) -> ThreadingHTTPServer:
    if host not in LOOPBACK:
        raise SeamlineError(
            f"the sandbox does not listen on {host}: it has no passwords; use 127.0.0.1."
        )
    try:
        server = ThreadingHTTPServer((host, port), functools.partial(Handler, sandbox))
    except OSError as error:
        raise SeamlineError(
            f"the sandbox cannot listen on {host}:{port} ({error.strerror}); choose another port."
        ) from error
    sandbox.open_at(f"http://{host}:{server.server_port}")
    return server


@contextmanager
def running_sandbox(home: Path | None = None, port: int = 0) -> Iterator[Sandbox]:
    """Serve a sandbox in a thread; ``.url``, ``.state(slug)``, ``.fail(slug, kind, times=…)``."""
    sandbox = Sandbox(home)
    server = _server(sandbox, "127.0.0.1", port)
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
        threading.Thread(target=sandbox.keep_saved, daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield sandbox
    finally:
        server.shutdown()
        server.server_close()
        sandbox.close()
        for thread in threads:
            thread.join()


def serve(host: str, port: int, home: Path | None) -> None:
    """Serve until interrupted or told to end; what arrived is saved then.

    Raises:
        SeamlineError: the address is not loopback, the port is taken, or another sandbox serves
            the same home.
    """
    sandbox = Sandbox(home)
    server = _server(sandbox, host, port)
    print(f"The channels' stand-in: {sandbox.url}   (Ctrl-C stops it)", flush=True)
    threading.Thread(target=sandbox.keep_saved, daemon=True).start()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        sandbox.close()
