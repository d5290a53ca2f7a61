"""A real HTTP server that remembers what it was sent, speaks the webhook's form, and can fail."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Body = dict[str, Any]
# Given the number of the request and its body: status, headers, answer. None means: all is well.
Answer = tuple[int, dict[str, str], Any]
Fault = Callable[[int, Body], Answer | None]


@dataclass
class Recorder:
    """What arrived. ``held`` is the channel's state: records by key, as a channel keeps them."""

    url: str = ""
    requests: list[Body] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    held: dict[str, Body] = field(default_factory=dict)
    deliveries: Counter[str] = field(default_factory=Counter)
    fault: Fault = lambda number, body: None
    delay: float = 0.0
    # Where requests wait for each other; BrokenBarrierError after its timeout, and then no answer.
    together: threading.Barrier | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def records(self) -> list[Body]:
        """Every record of every request that was accepted as a whole or in part."""
        return [record for body in self.requests for record in body["records"]]

    def clear(self) -> None:
        """Forget the requests, keep what is held."""
        for each in (self.requests, self.keys, self.times, self.statuses, self.headers):
            each.clear()
        self.deliveries.clear()

    def receive(self, body: Body, headers: dict[str, str]) -> Answer:
        with self.lock:
            number = len(self.times) + 1
            self.times.append(time.monotonic())
            self.headers.append(headers)
            answer = self.fault(number, body)
            status, _, content = answer or (200, {}, {})
            self.statuses.append(status)
            if 200 <= status < 300 or "committed" in (answer[1] if answer else {}):
                self.requests.append(body)
                self.keys.append(headers.get("idempotency-key", ""))
                results = content.get("results", []) if isinstance(content, dict) else []
                refused = {item["index"] for item in results if item["status"] >= 300}
                for index, record in enumerate(body["records"]):
                    if index not in refused:
                        self._keep(record)
        if self.together:
            self.together.wait()
        time.sleep(self.delay)
        return answer or (200, {}, {"ok": True})

    def _keep(self, record: Body) -> None:
        self.deliveries[record["key"]] += 1
        if record["operation"] == "remove":
            self.held.pop(record["key"], None)
        else:
            self.held[record["key"]] = record["fields"]


@contextmanager
def recording(certificate: Path | None = None) -> Iterator[Recorder]:
    """Run a recorder on a free port of this machine; with a certificate and its key, over TLS."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, extra, content = recorder.receive(body, headers)
            if status == 0:  # hang up without an answer
                self.close_connection = True
                return
            answer = json.dumps(content).encode()
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that breaks off is what tests are about, not an error of theirs."""

    server = Server(("127.0.0.1", 0), Handler)
    recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        recorder.url = recorder.url.replace("http:", "https:")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
