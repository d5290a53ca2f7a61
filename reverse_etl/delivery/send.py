"""Sending a spool: many batches in flight, and a verdict for every record in the end.

Each record ends ``acknowledged``, ``rejected`` in the channel's words, ``uncertain`` (it was asked
and no answer came) or ``pending`` (it never left). Nothing else happens to a record.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import astuple
from itertools import groupby
from operator import attrgetter
from typing import Any

from reverse_etl.channel.connection import Connection
from reverse_etl.channel.destination import Destination, Store
from reverse_etl.channel.exchange import Refused, Verdict
from reverse_etl.contract.project import Sync
from reverse_etl.conversation.verdicts import readable
from reverse_etl.delivery.deliver import Brake, Delivery
from reverse_etl.delivery.http import AnswerLost, Client, OutOfPatience, Patience
from reverse_etl.delivery.journal import Journal, read_journal
from reverse_etl.delivery.limiter import limiter_for
from reverse_etl.delivery.outcome import Ending, Fate, Outcome
from reverse_etl.delivery.spool import Piece, Spool
from reverse_etl.delivery.transcript import Answers
from reverse_etl.delivery.whole import Closing, replace_audience
from reverse_etl.errors import SeamlineError

Progress = Callable[[int, int], None]


class Sender:
    """Sends what a spool holds and its journal does not name yet."""

    def __init__(
        self,
        sync: Sync,
        connection: Connection,
        spool: Spool,
        patience: Patience,
        on_progress: Progress | None = None,
    ) -> None:
        self._sync = sync
        self._connection = connection
        self._spool = spool
        self._client = self._connect(patience)
        self._on_progress = on_progress
        self._outcome = Outcome(audiences=dict(spool.audiences))
        self._brake = Brake(sync.channel.label)
        self._lock = threading.Lock()
        self._done_rows = 0
        self._refused_audiences: dict[str, Verdict] = {}
        self._decided: dict[int, dict[str, Any]] = {}
        self._answers: Answers = {}
        self._begun: Counter[str] = Counter()
        self._closed: dict[str, Closing] = {}
        # What an earlier life had in flight when it was killed may have arrived.
        self._is_in_doubt = spool.journal.exists()

    def run(self) -> Outcome:
        """Send everything that may still be sent and return what became of it."""
        self._remember()
        with Journal(self._spool.journal) as self._journal:
            self._delivery = Delivery(
                self._sync,
                self._connection,
                self._spool,
                self._client,
                self._journal,
                self._answers,
                self._outcome.audiences,
                self._brake,
            )
            self._send_pieces()
            self._send_wholes()
            if isinstance(self._sync.channel, Store):
                self._commit(self._sync.channel)
        self._outcome.error = self._brake.reason
        if self._client is not None:
            self._outcome.requests = self._client.requests
            self._outcome.retries = self._client.retries
        return self._outcome

    def _commit(self, store: Store) -> None:
        """Show what was staged to the store's readers, or take nothing of it for delivered.

        What it cannot show now it may never show, and this run would be in the way of all others.
        """
        if not self._brake.reason:
            try:
                store.commit(self._sync.name, self._spool.run_id, self._connection.settings)
            except (SeamlineError, OSError) as error:
                self._brake.pull(f"{store.label}: {error}")
        if self._brake.reason:
            self._outcome.doubt_the_rest("not_committed", readable(self._brake.reason))

    def _connect(self, patience: Patience) -> Client | None:
        if not isinstance(self._sync.channel, Destination):
            return None
        limits = self._sync.object.limits
        limiter = limiter_for(self._connection.host, limits)
        return Client(
            self._sync.channel, self._connection, limiter, patience, connections=limits.concurrency
        )

    def _remember(self) -> None:
        """Read what an earlier life of this run has written down."""
        for entry in read_journal(self._spool.journal):
            if "batch" in entry:
                self._decided[entry["batch"]] = entry
            elif "audience" in entry:
                self._outcome.audiences[entry["audience"]] = entry["channel_id"]
            elif "begun" in entry:
                self._begun[entry["begun"]] += 1
            elif "whole" in entry:
                self._closed[entry["whole"]] = Closing.of_entry(entry)
            else:
                self._answers[entry["asked"], entry["step"]] = entry

    def _send_pieces(self) -> None:
        workers = self._sync.object.limits.concurrency
        under_way: set[Future[None]] = set()
        room = threading.Semaphore(2 * workers)

        def leave(done: Future[None]) -> None:
            if done.exception() is None:
                under_way.discard(done)
            room.release()  # waiting for any of them would cost more than most of them do

        last_operation = ""
        with ThreadPoolExecutor(workers, thread_name_prefix=self._sync.name) as pool:
            for piece in self._spool.pieces():
                if last_operation in ("remove", "merge") and last_operation != piece.operation:
                    # The same address may leave under one key and come back under another.
                    wait(under_way)
                last_operation = piece.operation
                if self._is_ready(piece):
                    room.acquire()
                    sent = pool.submit(self._send_piece, piece)
                    under_way.add(sent)
                    sent.add_done_callback(leave)
        for failed in under_way:
            failed.result()

    def _is_ready(self, piece: Piece) -> bool:
        """Settle a piece that need not or cannot be sent; see to the list that another goes to."""
        if piece.number in self._decided:
            lines = self._decided[piece.number]["endings"]
            names = piece.records.names if lines else []
            self._believe(piece, [Ending(names[line[0]], *line[1:]) for line in lines])
            return False
        if self._sync.is_audience:
            self._prepare(piece.audience)
        refused = self._refused_audiences.get(piece.audience)
        if refused is not None:
            self._settle(piece, _all(piece, "rejected", refused.code, refused.reason))
            return False
        if self._brake.reason:
            self._settle(piece, _all(piece, "uncertain" if self._is_in_doubt else "pending"))
            return False
        return True

    def _prepare(self, audience: str) -> None:
        is_known = audience in self._outcome.audiences or audience in self._refused_audiences
        if self._brake.reason or is_known:
            return
        try:
            channel_id = self._delivery.prepare(audience)
        except Refused as refused:
            reason = readable(f"the list could not be made: {refused.reason}")
            self._refused_audiences[audience] = Verdict("", "rejected", refused.code, reason)
        except (OutOfPatience, AnswerLost, SeamlineError) as error:
            self._brake.pull(f"{self._sync.channel.label}: {error}")
        else:
            self._outcome.audiences[audience] = channel_id
            self._write_down({"audience": audience, "channel_id": channel_id})

    def _send_piece(self, piece: Piece) -> None:
        batch_id = f"{self._spool.run_id}-{piece.number}"
        try:
            endings = self._delivery.deliver(piece.records, piece, batch_id, self._is_in_doubt)
        except BaseException as error:
            self._brake.pull(f"{type(error).__name__}: {error}")
            raise
        self._settle(piece, endings)

    def _send_wholes(self) -> None:
        """Replace audiences in one reading of the spool; in another, tell of those that failed.

        Who left one of them has been told to by now.
        """
        if not self._spool.wholes:
            return
        failed: dict[str, Closing] = {}
        for audience, pieces in groupby(self._spool.whole_pieces(), key=attrgetter("audience")):
            closing = self._close(audience, pieces)
            self._outcome.endings += closing.endings
            if closing.fate == "acknowledged":
                self._count_done(self._spool.wholes[audience])
            else:
                failed[audience] = closing
        for piece in self._spool.whole_pieces() if failed else ():
            if failure := failed.get(piece.audience):
                self._believe(piece, _all(piece, failure.fate, failure.code, failure.reason))

    def _close(self, audience: str, pieces: Iterable[Piece]) -> Closing:
        """Replace an audience, if no earlier life did."""
        closing = self._closed.get(audience)
        if closing is None:
            self._prepare(audience)
            closing = self._closing(audience, pieces)
            if closing.fate != "pending":
                self._write_down(closing.as_entry(audience))
        return closing

    def _closing(self, audience: str, pieces: Iterable[Piece]) -> Closing:
        refused = self._refused_audiences.get(audience)
        if refused is not None:
            return Closing("rejected", refused.code, refused.reason)
        if not self._brake.reason:
            self._begun[audience] += 1
            self._write_down({"begun": audience})
        if self._brake.reason:
            return Closing("uncertain" if self._begun[audience] else "pending")
        return replace_audience(self._delivery, audience, pieces, self._begun[audience])

    def _settle(self, piece: Piece, endings: list[Ending]) -> None:
        """Write down what became of a piece, then believe it; what never left is left open."""
        if not any(ending.fate == "pending" for ending in endings):
            names = piece.records.names if endings else []
            place = {name: index for index, name in enumerate(names)}
            lines = [[place[ending.record], *astuple(ending)[1:]] for ending in endings]
            self._write_down({"batch": piece.number, "endings": lines})
        self._believe(piece, endings)

    def _write_down(self, entry: dict[str, Any]) -> None:
        try:
            self._journal.write(entry)
        except OSError as error:
            self._brake.pull(f"{self._spool.journal}: {error.strerror}; free some space")

    def _believe(self, piece: Piece, endings: list[Ending]) -> None:
        with self._lock:
            self._outcome.endings += endings
        self._count_done(len(piece.records))

    def _count_done(self, rows: int) -> None:
        with self._lock:
            self._done_rows += rows
            if self._on_progress is not None:
                self._on_progress(self._done_rows, self._spool.rows)


def _all(piece: Piece, fate: Fate, code: str = "", reason: str = "") -> list[Ending]:
    return [Ending(name, fate, code, reason) for name in piece.records.names]
