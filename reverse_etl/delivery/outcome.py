"""What became of the records of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Fate = Literal["acknowledged", "rejected", "skipped", "uncertain", "pending"]


@dataclass(frozen=True)
class Ending:
    """What became of one planned row, where it was not simply acknowledged."""

    record: tuple[str, str]  # audience and key
    fate: Fate
    code: str = ""
    reason: str = ""
    is_permanent: bool = False
    channel_id: str | None = None
    is_in_doubt: bool = False  # an earlier attempt may have arrived, whatever was said since


@dataclass
class Outcome:
    """What became of a run. Of rows that ``endings`` does not name, ``otherwise`` became.

    ``code`` and ``reason`` say why, where that is not that they were acknowledged.
    """

    endings: list[Ending] = field(default_factory=list)
    audiences: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    retries: int = 0
    error: str = ""
    otherwise: Fate = "acknowledged"
    code: str = ""
    reason: str = ""

    def doubt_the_rest(self, code: str, reason: str) -> None:
        """Take nothing for delivered that ``endings`` does not name: it may have been, or not."""
        self.otherwise, self.code, self.reason = "uncertain", code, reason

    @property
    def has_doubts(self) -> bool:
        """Whether any record may be at the channel or not."""
        return self.otherwise == "uncertain" or any(
            ending.fate == "uncertain" or ending.is_in_doubt for ending in self.endings
        )
