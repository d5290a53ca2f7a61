"""Requests over the wire: pooled connections, pacing, and retries of what may be retried.

A conversation never sees a plea for fewer requests, a 5xx or a lost connection: they are answered
here, with as much patience as the class of the fault deserves. What remains is handed to it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import orjson

from reverse_etl.channel.batch import Batch, as_json
from reverse_etl.channel.connection import Connection, is_loopback, sandbox_url
from reverse_etl.channel.destination import Destination
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.channel.meaning import Meaning
from reverse_etl.delivery.limiter import Limiter, retry_after
from reverse_etl.delivery.understanding import (
    READABLE,
    ChannelDenied,
    denial,
    meaning_of,
    meanings_of,
)
from reverse_etl.errors import SeamlineError

if TYPE_CHECKING:
    import urllib3

Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """How long one request is tried. Busy costs time only, other faults an attempt too."""

    attempts: int = 6
    seconds: float = 300.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    connect_timeout: float = 10.0
    read_timeout: float = 60.0

    def wait(self, failures: int) -> float:
        """Return how long to wait after so many failures: doubling, with jitter."""
        return min(self.longest_wait, self.first_wait * 2.0**failures) * random.uniform(0.5, 1.0)


class OutOfPatience(Exception):  # noqa: N818 - a state, which the sender turns into verdicts
    """The channel gave no answer to act on; ``is_busy`` where it asked to be left alone."""

    def __init__(self, reason: str, *, is_busy: bool = False) -> None:
        super().__init__(reason)
        self.is_busy = is_busy

    @property
    def what(self) -> str:
        """What the channel does."""
        return "asks to wait" if self.is_busy else "does not answer"


class AnswerLost(Exception):  # noqa: N818 - as above
    """A request that must not be repeated was sent, and its answer never came."""


class Transcript(Protocol):
    """Memory of one conversation.

    Requests that must not be repeated, and answers that say so, survive a restart of the process.
    ``is_in_doubt`` is set when an answer was lost: the channel may have done what it later refuses.
    ``requests`` counts what was asked.
    """

    is_in_doubt: bool
    requests: int

    def recall(self, step: int) -> Response | None:
        """Return the answer that this step got in an earlier life.

        Raises:
            AnswerLost: it was sent then, and the answer is not known.
        """
        ...

    def asking(self, step: int) -> None:
        """Note that the step's request is about to be sent."""
        ...

    def answered(self, step: int, response: Response) -> None:
        """Note the answer."""
        ...


class Client:
    """One connection to one channel; shared by all threads of a sync."""

    def __init__(
        self,
        channel: Destination,
        connection: Connection,
        limiter: Limiter,
        patience: Patience,
        connections: int = 8,
    ) -> None:
        self.requests = 0
        self.retries = 0
        self._channel = channel
        self._meanings = meanings_of(channel)
        self._connection = connection
        self._limiter = limiter
        self._patience = patience
        self._lock = threading.Lock()
        self._pool = self._open_pool(connections)

    def converse(self, batch: Batch, transcript: Transcript) -> Sequence[Verdict]:
        """Hold the channel's conversation about a batch and return its verdicts."""
        return self.drive(self._channel.converse(batch), transcript)

    def drive(
        self, conversation: Generator[Request, Response, Result], transcript: Transcript
    ) -> Result:
        """Lead a conversation to its end and return what it concludes."""
        step = 0
        has_acted = False
        try:
            request = next(conversation)
            while True:
                if request.wait_before:
                    time.sleep(request.wait_before)
                response = self._answer(request, step, transcript)
                transcript.requests += 1
                has_acted = has_acted or (response.ok and request.method != "GET")
                request = conversation.send(response)
                step += 1
        except StopIteration as end:
            result: Result = end.value
            return result
        except (OutOfPatience, SeamlineError):
            # It took one step, and what it made of it we shall not hear.
            transcript.is_in_doubt = transcript.is_in_doubt or has_acted
            raise
        finally:
            conversation.close()

    def _answer(self, request: Request, step: int, transcript: Transcript) -> Response:
        if request.repeatable and not request.remembered:
            return self.send(request, transcript)
        known = transcript.recall(step)
        if known is None:
            if not request.repeatable:
                transcript.asking(step)
            known = self.send(request, transcript)
            if known.ok or not request.repeatable:
                transcript.answered(step, known)
        return known

    def send(self, request: Request, transcript: Transcript) -> Response:
        """Send one request as often as it takes, and return an answer worth reading.

        Raises:
            OutOfPatience: there was none in time.
            AnswerLost: there was none, and the request must not be repeated.
            ChannelDenied: the channel does not let us in, or its certificate is wrong.
        """
        deadline = time.monotonic() + self._patience.seconds
        failures = 0
        reason = "the limiter let nothing through"
        meaning = READABLE
        while True:
            sent_at = self._limiter.acquire(deadline)
            if sent_at is None:
                raise OutOfPatience(reason, is_busy=meaning.sense == "busy")
            response, reason, reached = self._attempt(request)
            now = datetime.now(UTC)
            meaning = meaning_of(self._meanings, response) if response else READABLE
            if response is not None and meaning.sense == "busy":
                reason = f"{response.status}: {meaning.words or 'too many requests'}"
                asked_for = retry_after(response.headers, now)
                pause = self._patience.wait(failures) if asked_for is None else asked_for
                self._limiter.slow_down(sent_at, pause)
            elif response is not None and response.status < 500:
                self._limiter.accept(response.headers, now)
                return self._admitted(response, meaning)
            else:
                if reached and not request.repeatable:
                    raise AnswerLost(reason)
                transcript.is_in_doubt = transcript.is_in_doubt or reached
                failures += 1
                asked_for = retry_after(response.headers, now) if response else None
                pause = self._patience.wait(failures) if asked_for is None else asked_for
                if failures >= self._patience.attempts or time.monotonic() + pause > deadline:
                    raise OutOfPatience(reason)
                time.sleep(pause)
            with self._lock:
                self.retries += 1

    def _attempt(self, request: Request) -> tuple[Response | None, str, bool]:
        """Return the answer, what went wrong, and whether the channel may have been reached."""
        from urllib3 import exceptions as wire  # noqa: PLC0415

        with self._lock:
            self.requests += 1
        try:
            answer = self._exchange(request)
        except wire.SSLError as error:
            raise ChannelDenied(
                f"{self._connection.host}: its certificate is not valid ({error}); nothing "
                "is sent to a host that cannot prove who it is."
            ) from None
        except wire.NewConnectionError:
            is_ours = self._connection.base_url.startswith(sandbox_url())
            hint = ": is the sandbox open? `make sandbox` opens it" if is_ours else ""
            return None, f"no connection{hint}", False
        except wire.ConnectTimeoutError:
            return None, "no connection in time", False
        except wire.TimeoutError:
            return None, "no answer in time", True
        except wire.HTTPError:
            return None, "the connection was lost", True
        headers = {name.lower(): value for name, value in answer.headers.items()}
        reason = f"{answer.status}: {answer.reason or 'server error'}"
        return Response(answer.status, headers, answer.data), reason, True

    def _exchange(self, request: Request) -> urllib3.BaseHTTPResponse:
        known = self._channel.headers(self._connection.current_settings())
        headers = {**known, **request.headers}
        body = request.body
        kind = ""
        if request.json is not None:
            body, kind = orjson.dumps(request.json, default=as_json), "application/json"
        elif request.form is not None:
            body, kind = urlencode(request.form).encode(), "application/x-www-form-urlencoded"
        if kind and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = kind
        query = f"?{urlencode(request.params)}" if request.params else ""
        return self._pool.request(
            request.method,
            self._connection.base_url + request.path + query,
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
        )

    def _open_pool(self, connections: int) -> urllib3.PoolManager:
        """Connections, kept open; proxies of the environment are for the outside world."""
        from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

        import urllib3  # noqa: PLC0415 - only a run with something to send pays for it

        parts = urlsplit(self._connection.base_url)
        host = parts.hostname or ""
        proxy = None
        if not is_loopback(self._connection.base_url) and not proxy_bypass(host):
            proxy = getproxies().get(parts.scheme)
        settings: dict[str, Any] = {
            "maxsize": connections,
            "timeout": urllib3.Timeout(
                connect=self._patience.connect_timeout, read=self._patience.read_timeout
            ),
        }
        return urllib3.ProxyManager(proxy, **settings) if proxy else urllib3.PoolManager(**settings)

    def _admitted(self, response: Response, meaning: Meaning) -> Response:
        if meaning.sense in ("unknown", "barred"):
            if meaning.sense == "unknown" and self._connection.tokens:
                self._connection.tokens.forget()
            raise denial(self._channel, self._connection, response, meaning)
        return response
