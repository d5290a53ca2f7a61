"""What became of the records of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Fate = Literal["acknowledged", "rejected", "skipped", "uncertain", "pending"]


@dataclass(frozen=True)
class Ending:
    """What became of one planned row, where it was not simply acknowledged."""

    position: int
    fate: Fate
    code: str = ""
    reason: str = ""
    is_permanent: bool = False
    channel_id: str | None = None
    is_in_doubt: bool = False  # an earlier attempt may have arrived, whatever was said since


@dataclass
class Outcome:
    """What became of a run. Rows that ``endings`` does not name were acknowledged."""

    endings: list[Ending] = field(default_factory=list)
    audiences: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    retries: int = 0
    error: str = ""
