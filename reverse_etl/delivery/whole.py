"""An audience as a whole: one session with its channel, believed when it has ended, not before.

A session that was cut short has replaced nothing that could be told by anybody. So nothing of it is
written down before its end, and after a crash it is begun anew, under another name, from its first
record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import Replacer
from reverse_etl.channel.exchange import Refused
from reverse_etl.conversation.verdicts import readable
from reverse_etl.delivery.deliver import Delivery, ending_of
from reverse_etl.delivery.http import AnswerLost, OutOfPatience
from reverse_etl.delivery.outcome import Ending, Fate
from reverse_etl.delivery.spool import Piece
from reverse_etl.errors import SeamlineError


@dataclass(frozen=True)
class Closing:
    """How a session ended: all its records as ``fate`` says, but for those with ``endings``."""

    fate: Fate
    code: str = ""
    reason: str = ""
    endings: list[Ending] = field(default_factory=list)

    def as_entry(self, audience: str) -> dict[str, Any]:
        """Return the line of the journal that makes it believed."""
        lines = [[ending.record[1], *astuple(ending)[1:]] for ending in self.endings]
        return {
            "whole": audience,
            "fate": self.fate,
            "code": self.code,
            "reason": self.reason,
            "endings": lines,
        }

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Closing:
        """Return what ``as_entry`` wrote."""
        endings = [Ending((entry["whole"], line[0]), *line[1:]) for line in entry["endings"]]
        return cls(entry["fate"], entry["code"], entry["reason"], endings)


def replace_audience(
    delivery: Delivery, audience: str, pieces: Iterable[Piece], attempt: int
) -> Closing:
    """Hold one session from its beginning to its end; ``attempt`` counts from 1.

    An earlier attempt may have come to an end that nobody heard of. ``pieces`` are read as far as
    the channel lets them.
    """
    name = f"{delivery.spool.run_id}-{audience}-{attempt}"
    transcript = delivery.transcript(name, attempt > 1)
    channel, client = delivery.sync.channel, delivery.client
    assert client is not None
    assert isinstance(channel, Replacer)
    total = delivery.spool.wholes[audience]
    try:
        verdicts = client.drive(
            channel.replace(_batches(delivery, pieces, name), total), transcript
        )
    except Refused as refused:
        is_in_doubt = transcript.is_in_doubt or transcript.requests > 1
        fate: Fate = "uncertain" if is_in_doubt else "rejected"
        reason = f"the audience was not replaced: {refused.reason}"
        return Closing(fate, refused.code, readable(reason))
    except (OutOfPatience, AnswerLost, SeamlineError, OSError) as error:
        delivery.brake.pull(f"{delivery.sync.channel.label}: {error}")
        fate = "uncertain" if transcript.is_in_doubt else "pending"
        return Closing(fate, "no_answer", readable(str(error)))
    endings = [ending_of((audience, each.key), each, transcript) for each in verdicts]
    return Closing("acknowledged", endings=endings)


def _batches(delivery: Delivery, pieces: Iterable[Piece], name: str) -> Iterator[Batch]:
    for number, piece in enumerate(pieces, start=1):
        yield delivery.batch(piece.records, piece, f"{name}-{number}")
