"""The journal as the memory of conversations: what was asked once must not be asked again."""

from __future__ import annotations

from typing import Any

from reverse_etl.channel.exchange import Response
from reverse_etl.delivery.http import AnswerLost
from reverse_etl.delivery.journal import Journal

Answers = dict[tuple[str, int], dict[str, Any]]


class Forgetful:
    """The transcript of a question: nothing changes by it, so nothing needs to be remembered."""

    is_in_doubt = False
    requests = 0

    def recall(self, step: int) -> Response | None:
        """See ``http.Transcript``."""
        return None

    def asking(self, step: int) -> None:
        """See ``http.Transcript``."""

    def answered(self, step: int, response: Response) -> None:
        """See ``http.Transcript``."""


class JournalTranscript:
    """The transcript of one batch; ``answers`` are those of an earlier life of the run."""

    def __init__(
        self, journal: Journal, answers: Answers, batch_id: str, is_in_doubt: bool
    ) -> None:
        self._journal = journal
        self._answers = answers
        self.batch_id = batch_id
        self.is_in_doubt = is_in_doubt
        self.requests = 0

    def recall(self, step: int) -> Response | None:
        """See ``http.Transcript``."""
        entry = self._answers.get((self.batch_id, step))
        if entry is None:
            return None
        if "status" not in entry:
            raise AnswerLost("the run was interrupted while it waited for the answer")
        return Response(entry["status"], entry["headers"], entry["body"].encode())

    def asking(self, step: int) -> None:
        """See ``http.Transcript``."""
        self._journal.write({"asked": self.batch_id, "step": step})

    def answered(self, step: int, response: Response) -> None:
        """See ``http.Transcript``."""
        self._journal.write(
            {
                "asked": self.batch_id,
                "step": step,
                "status": response.status,
                "headers": dict(response.headers),
                "body": response.body.decode(errors="replace"),
            }
        )
