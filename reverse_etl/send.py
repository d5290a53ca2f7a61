"""Sending a spool: many batches in flight, and a verdict for every record in the end.

Each record ends ``acknowledged``, ``rejected`` in the channel's words, ``uncertain`` (it was asked
and no answer came) or ``pending`` (it never left). Nothing else happens to a record.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from reverse_etl.connection import Connection
from reverse_etl.destination import (
    Audience,
    Batch,
    Destination,
    Record,
    Refused,
    Verdict,
)
from reverse_etl.errors import SeamlineError
from reverse_etl.http import AnswerLost, Client, OutOfPatience, Patience
from reverse_etl.journal import Journal, read_journal
from reverse_etl.limiter import limiter_for
from reverse_etl.outcome import Ending, Fate, Outcome
from reverse_etl.project import Sync
from reverse_etl.spool import Piece, Spool
from reverse_etl.transcript import Answers, JournalTranscript
from reverse_etl.verdicts import readable

Progress = Callable[[int, int], None]

# A channel that answers nobody, or refuses everything one by one, is not asked a million times.
MOST_SILENT_BATCHES = 3
MOST_REFUSALS_IN_A_ROW = 200


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
        self.sync = sync
        self.connection = connection
        self.spool = spool
        self.outcome = Outcome(audiences=dict(spool.audiences))
        self._client = self._connect(patience)
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._done_rows = 0
        self._silent_batches = 0
        self._refusals_in_a_row = 0
        self._refused_audiences: dict[str, Verdict] = {}
        self._decided: dict[int, dict[str, Any]] = {}
        self._answers: Answers = {}

    def run(self) -> Outcome:
        """Send everything that may still be sent and return what became of it."""
        self._remember()
        with Journal(self.spool.journal) as self._journal:
            self._send_pieces()
            if not isinstance(self.sync.channel, Destination) and not self.outcome.error:
                self.sync.channel.commit(
                    self.sync.name, self.spool.run_id, self.connection.settings
                )
        if self._client is not None:
            self.outcome.requests, self.outcome.retries = (
                self._client.requests,
                self._client.retries,
            )
        return self.outcome

    def _connect(self, patience: Patience) -> Client | None:
        if not isinstance(self.sync.channel, Destination):
            return None
        rate = self.sync.object.limits.requests_per_second
        limiter = limiter_for(self.connection.host, rate)
        return Client(self.sync.channel, self.connection, limiter, patience)

    def _remember(self) -> None:
        """Read what an earlier life of this run has written down."""
        for entry in read_journal(self.spool.journal):
            if "batch" in entry:
                self._decided[entry["batch"]] = entry
            elif "audience" in entry:
                self.outcome.audiences[entry["audience"]] = entry["channel_id"]
            else:
                self._answers[entry["asked"], entry["step"]] = entry

    def _send_pieces(self) -> None:
        workers = self.sync.object.limits.concurrency
        under_way: set[Future[None]] = set()
        last_operation = ""
        with ThreadPoolExecutor(workers, thread_name_prefix=self.sync.name) as pool:
            for piece in self.spool.pieces():
                if piece.number in self._decided:
                    self._take_over(piece)
                    continue
                if last_operation == "remove" != piece.operation:
                    # The same address may leave under one key and come back under another.
                    wait(under_way)
                last_operation = piece.operation
                if self._is_ready(piece):
                    under_way.add(pool.submit(self._send_piece, piece))
                    if len(under_way) >= 2 * workers:
                        done, under_way = wait(under_way, return_when="FIRST_COMPLETED")
                        for each in done:
                            each.result()
            for each in under_way:
                each.result()

    def _is_ready(self, piece: Piece) -> bool:
        """See to the list that the piece goes to; settle the piece where there can be none."""
        if self.outcome.error:
            self._settle(piece, [Ending(p, "pending") for p in piece.positions], decided=False)
            return False
        if self.sync.is_audience and piece.audience not in self.outcome.audiences:
            self._prepare(piece.audience)
        refused = self._refused_audiences.get(piece.audience)
        if refused is not None:
            endings = [
                Ending(position, "rejected", refused.code, refused.reason)
                for position in piece.positions
            ]
            self._settle(piece, endings, decided=True)
        return refused is None

    def _prepare(self, audience: str) -> None:
        assert self._client is not None
        assert isinstance(self.sync.channel, Destination)
        label = self.spool.labels.get(audience, audience)
        batch_id = f"{self.spool.run_id}-prepare-{audience}"
        try:
            preparation = self.sync.channel.prepare(
                self.sync.object.name, audience, label, self.connection.settings
            )
            channel_id = self._client.drive(
                preparation, JournalTranscript(self._journal, self._answers, batch_id)
            )
        except Refused as refused:
            reason = readable(f"the list could not be made: {refused.reason}")
            self._refused_audiences[audience] = Verdict("", "rejected", refused.code, reason)
        except (OutOfPatience, AnswerLost, SeamlineError) as error:
            self._stop(f"{self.sync.channel.label}: {error}")
        else:
            self.outcome.audiences[audience] = channel_id
            self._journal.write({"audience": audience, "channel_id": channel_id})

    def _send_piece(self, piece: Piece) -> None:
        batch_id = f"{self.spool.run_id}-{piece.number}"
        try:
            endings = self._deliver(piece.positions, piece.records, piece, batch_id)
            self._settle(piece, endings, decided=True)
        except SeamlineError as error:
            self._stop(str(error))
            self._settle(piece, [Ending(p, "pending") for p in piece.positions], decided=False)
        except BaseException as error:
            self._stop(f"{type(error).__name__}: {error}")
            raise

    def _deliver(
        self, positions: Sequence[int], records: Sequence[Record], piece: Piece, batch_id: str
    ) -> list[Ending]:
        """Send records and return endings for those that are not plainly acknowledged.

        A batch that is refused as a whole is halved until the record to blame stands alone.
        """
        if self.outcome.error:
            return [Ending(position, "pending") for position in positions]
        try:
            verdicts = self._ask(records, piece, batch_id)
        except Refused as refused:
            if len(records) == 1:
                self._note_refusal(refused)
                reason = readable(refused.reason)
                return [Ending(positions[0], "rejected", refused.code, reason)]
            half = len(records) // 2
            return [
                *self._deliver(positions[:half], records[:half], piece, f"{batch_id}.0"),
                *self._deliver(positions[half:], records[half:], piece, f"{batch_id}.1"),
            ]
        except AnswerLost as lost:
            reason = f"sent once, and it must not be repeated: {lost}"
            return [
                Ending(position, "rejected", "answer_lost", reason, is_permanent=True)
                for position in positions
            ]
        except OutOfPatience as silence:
            self._note_silence(silence)
            fate: Fate = "uncertain" if silence.was_asked else "pending"
            return [Ending(p, fate, "no_answer", str(silence)) for p in positions]
        self._silent_batches = 0
        return self._endings(positions, records, verdicts)

    def _ask(self, records: Sequence[Record], piece: Piece, batch_id: str) -> list[Verdict]:
        batch = Batch(
            sync=self.sync.name,
            run_id=self.spool.run_id,
            batch_id=batch_id,
            object=self.sync.object.name,
            mode=self.sync.mode,
            operation=piece.operation,
            records=records,
            settings=self.connection.settings,
            audience=self._audience(piece.audience),
            match=self.sync.match,
        )
        if isinstance(self.sync.channel, Destination):
            assert self._client is not None
            return self._client.drive(
                self.sync.channel.converse(batch),
                JournalTranscript(self._journal, self._answers, batch_id),
            )
        return self.sync.channel.write(batch)

    def _audience(self, name: str) -> Audience | None:
        if not self.sync.is_audience:
            return None
        label = self.spool.labels.get(name, name)
        return Audience(name, label, self.outcome.audiences[name])

    def _endings(
        self, positions: Sequence[int], records: Sequence[Record], verdicts: Sequence[Verdict]
    ) -> list[Ending]:
        """Match verdicts to records. A record that the destination forgot is uncertain."""
        by_key = {verdict.key: verdict for verdict in verdicts}
        endings = []
        acknowledged = False
        for position, record in zip(positions, records, strict=True):
            verdict = by_key.get(record.key)
            if verdict is None:
                reason = "the destination gave no verdict"
                endings.append(Ending(position, "uncertain", "no_verdict", reason))
                continue
            if verdict.status == "acknowledged":
                acknowledged = True
                if verdict.channel_id is None:
                    continue
            fate: Fate = "uncertain" if verdict.status == "retry" else verdict.status
            endings.append(
                Ending(
                    position,
                    fate,
                    verdict.code,
                    readable(verdict.reason),
                    verdict.is_permanent,
                    verdict.channel_id,
                )
            )
        if acknowledged:
            self._refusals_in_a_row = 0
        return endings

    def _settle(self, piece: Piece, endings: list[Ending], decided: bool) -> None:
        """Write down what became of a piece, then believe it."""
        if decided and not any(ending.fate == "pending" for ending in endings):
            first = {position: place for place, position in enumerate(piece.positions)}
            lines = [
                [first[e.position], e.fate, e.code, e.reason, e.is_permanent, e.channel_id]
                for e in endings
            ]
            try:
                self._journal.write({"batch": piece.number, "endings": lines})
            except OSError as error:
                self._stop(f"{self.spool.journal}: {error.strerror}; free some space")
        self._believe(piece, endings)

    def _take_over(self, piece: Piece) -> None:
        lines = self._decided[piece.number]["endings"]
        self._believe(piece, [Ending(piece.positions[line[0]], *line[1:]) for line in lines])

    def _believe(self, piece: Piece, endings: list[Ending]) -> None:
        with self._lock:
            self.outcome.endings += endings
            self._done_rows += len(piece.positions)
            if self._on_progress is not None:
                self._on_progress(self._done_rows, self.spool.rows)

    def _note_silence(self, silence: OutOfPatience) -> None:
        self._silent_batches += 1
        if self._silent_batches >= MOST_SILENT_BATCHES:
            self._stop(f"{self.sync.channel.label} does not answer: {silence}")

    def _note_refusal(self, refused: Refused) -> None:
        self._refusals_in_a_row += 1
        if self._refusals_in_a_row >= MOST_REFUSALS_IN_A_ROW:
            self._stop(
                f"{self.sync.channel.label} refused {self._refusals_in_a_row} records in a row, "
                f"the last with {refused.code}: {readable(refused.reason)}"
            )

    def _stop(self, reason: str) -> None:
        with self._lock:
            self.outcome.error = self.outcome.error or reason
