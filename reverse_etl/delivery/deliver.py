"""Delivering one batch: asking the channel, halving what it refuses, a verdict for every record."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reverse_etl.channel.batch import Audience, Batch
from reverse_etl.channel.connection import Connection
from reverse_etl.channel.destination import Destination, Store
from reverse_etl.channel.exchange import Acknowledged, Refused, Verdict
from reverse_etl.channel.records import Records
from reverse_etl.contract.project import Sync
from reverse_etl.conversation.verdicts import readable
from reverse_etl.delivery.http import AnswerLost, Client, OutOfPatience
from reverse_etl.delivery.journal import Journal
from reverse_etl.delivery.outcome import Ending, Fate
from reverse_etl.delivery.spool import Piece, Spool
from reverse_etl.delivery.transcript import Answers, JournalTranscript
from reverse_etl.errors import SeamlineError

# A channel that answers nobody, or refuses everything one by one, is not asked a million times.
MOST_SILENT_BATCHES = 3
MOST_REFUSALS_IN_A_ROW = 200


class Brake:
    """What ends a run early: the first reason counts, and every thread sees it."""

    def __init__(self, channel: str) -> None:
        self.reason = ""
        self._channel = channel
        self._lock = threading.Lock()
        self._silent_batches = 0
        self._refusals_in_a_row = 0

    def pull(self, reason: str) -> None:
        """Stop the run."""
        with self._lock:
            self.reason = self.reason or reason

    def note_answer(self, is_acknowledged: bool) -> None:
        """Note that the channel answered, and whether it took anything."""
        self._silent_batches = 0
        if is_acknowledged:
            self._refusals_in_a_row = 0

    def note_silence(self, silence: OutOfPatience) -> None:
        """Note a batch that nobody answered."""
        self._silent_batches += 1
        if self._silent_batches >= MOST_SILENT_BATCHES:
            self.pull(f"{self._channel} {silence.what}: {silence}")

    def note_refusals(self, count: int, code: str, reason: str) -> None:
        """Note records that were refused, each by itself; ``code`` and ``reason`` of the last."""
        self._silent_batches = 0
        self._refusals_in_a_row += count
        if self._refusals_in_a_row >= MOST_REFUSALS_IN_A_ROW:
            self.pull(
                f"{self._channel} refused {self._refusals_in_a_row} records in a row, the last "
                f"with {code}: {readable(reason)}"
            )


@dataclass(frozen=True)
class Delivery:
    """Delivers batches of one run; shared by its threads. ``audiences`` grows as lists are made."""

    sync: Sync
    connection: Connection
    spool: Spool
    client: Client | None
    journal: Journal
    answers: Answers
    audiences: Mapping[str, str]
    brake: Brake

    def transcript(self, batch_id: str, is_in_doubt: bool = False) -> JournalTranscript:
        """Return the memory of one conversation."""
        return JournalTranscript(self.journal, self.answers, batch_id, is_in_doubt)

    def prepare(self, audience: str) -> str:
        """Find or create an audience's list and return the channel's id for it.

        Raises:
            Refused: the channel does not want it.
        """
        assert self.client is not None
        assert isinstance(self.sync.channel, Destination)
        preparation = self.sync.channel.prepare(
            self.sync.object.name,
            audience,
            self.spool.labels.get(audience, audience),
            self.connection.settings,
        )
        batch_id = f"{self.spool.run_id}-prepare-{audience}"
        return self.client.drive(preparation, self.transcript(batch_id))

    def deliver(
        self,
        records: Records,
        piece: Piece,
        batch_id: str,
        is_in_doubt: bool = False,
    ) -> list[Ending]:
        """Send records and return endings for those that are not plainly acknowledged.

        A batch that is refused as a whole is halved until the record to blame stands alone.
        """
        transcript = self.transcript(batch_id, is_in_doubt)
        if self.brake.reason:
            return _unanswered(records, transcript, self.brake.reason)
        try:
            verdicts = self._ask(records, piece, batch_id, transcript)
        except Refused as refused:
            return self._halve(records, piece, refused, transcript)
        except AnswerLost as lost:
            transcript.is_in_doubt = True
            reason = f"sent once, and it must not be repeated: {lost}"
            verdict = Verdict("", "rejected", "answer_lost", reason, is_permanent=True)
            return [ending_of(name, verdict, transcript) for name in records.names]
        except OutOfPatience as silence:
            self.brake.note_silence(silence)
            return _unanswered(records, transcript, str(silence))
        except (SeamlineError, OSError) as error:
            self.brake.pull(str(error))
            return _unanswered(records, transcript, str(error))
        return self._endings(records, verdicts, transcript)

    def _halve(
        self,
        records: Records,
        piece: Piece,
        refused: Refused,
        transcript: JournalTranscript,
    ) -> list[Ending]:
        if len(records) == 1:
            self.brake.note_refusals(1, refused.code, refused.reason)
            verdict = Verdict("", "rejected", refused.code, refused.reason)
            return [ending_of(records.names[0], verdict, transcript)]
        half = len(records) // 2
        name, doubt = transcript.batch_id, transcript.is_in_doubt
        return [
            *self.deliver(records[:half], piece, f"{name}.0", doubt),
            *self.deliver(records[half:], piece, f"{name}.1", doubt),
        ]

    def _ask(
        self,
        records: Records,
        piece: Piece,
        batch_id: str,
        transcript: JournalTranscript,
    ) -> Sequence[Verdict]:
        batch = self.batch(records, piece, batch_id)
        if self.client is not None:
            return self.client.converse(batch, transcript)
        assert isinstance(self.sync.channel, Store)
        return self.sync.channel.write(batch)

    def batch(self, records: Records, piece: Piece, batch_id: str) -> Batch:
        """Return records as a destination is given them."""
        return Batch(
            sync=self.sync.name,
            run_id=self.spool.run_id,
            batch_id=batch_id,
            object=self.sync.object.name,
            mode=self.sync.mode,
            operation=piece.operation,
            records=records,
            settings=self.connection.settings,
            audience=self._audience(piece),
            match=self.sync.match,
            options=self.sync.options,
        )

    def _audience(self, piece: Piece) -> Audience | None:
        if not self.sync.is_audience:
            return None
        label = self.spool.labels.get(piece.audience, piece.audience)
        return Audience(piece.audience, label, self.audiences[piece.audience])

    def _endings(
        self,
        records: Records,
        verdicts: Sequence[Verdict],
        transcript: JournalTranscript,
    ) -> list[Ending]:
        """Match verdicts to records. A record that the destination forgot is uncertain."""
        if isinstance(verdicts, Acknowledged) and len(verdicts) == len(records):
            self.brake.note_answer(True)
            return []
        by_key = {verdict.key: verdict for verdict in verdicts}
        forgotten = Verdict("", "retry", "no_verdict", "the destination gave no verdict")
        endings = []
        acknowledged = False
        for name, record in zip(records.names, records, strict=True):
            verdict = by_key.get(record.key, forgotten)
            if verdict.status == "acknowledged":
                acknowledged = True
                if verdict.channel_id is None and not verdict.code:
                    continue
            endings.append(ending_of(name, verdict, transcript))
        self.brake.note_answer(acknowledged)
        refused = [verdict for verdict in verdicts if verdict.status == "rejected"]
        if not acknowledged and refused and transcript.requests >= len(records):
            # It was asked about each by itself; an answer to a whole batch costs one request.
            self.brake.note_refusals(len(refused), refused[-1].code, refused[-1].reason)
        return endings


def ending_of(name: tuple[str, str], verdict: Verdict, transcript: JournalTranscript) -> Ending:
    """Return what a verdict makes of the record called ``name``."""
    return Ending(
        name,
        "uncertain" if verdict.status == "retry" else verdict.status,
        verdict.code,
        readable(verdict.reason),
        verdict.is_permanent,
        verdict.channel_id,
        transcript.is_in_doubt,
    )


def _unanswered(records: Records, transcript: JournalTranscript, reason: str) -> list[Ending]:
    """Return the ending of records without an answer: they may have arrived, or never left."""
    fate: Fate = "uncertain" if transcript.is_in_doubt else "pending"
    why = readable(reason)
    return [Ending(name, fate, "no_answer", why) for name in records.names]
