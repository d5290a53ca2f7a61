"""What an answer asks of us, where the vendor's status alone does not say it.

By its status, a 429 asks for fewer requests, a 401 does not know the credentials, and a 403 knows
them and bars them from this; all else but a 5xx is the conversation's to read. A channel declares
``meanings`` where it says these things in another way: a used-up day in a 403, a wrong token in a
200. The first that fits an answer counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Sense = Literal["busy", "unknown", "barred", "readable"]


@dataclass(frozen=True)
class Meaning:
    """Answers of these ``statuses`` and the vendor's ``codes``, any where there are none.

    ``busy`` is waited for and asked again; ``unknown`` (the credentials) and ``barred`` (good, but
    not for this) end the sync; ``readable`` is handed to the conversation. ``words`` say what is to
    be done, to somebody who does not know the vendor's codes. A code covers what follows it after
    a slash: ``200`` covers ``200/1870034``.
    """

    sense: Sense
    statuses: tuple[int, ...]
    codes: tuple[str, ...] = ()
    words: str = ""

    def fits(self, status: int, code: str) -> bool:
        """Whether an answer is meant."""
        known = {code, code.partition("/")[0]}
        return status in self.statuses and (not self.codes or not known.isdisjoint(self.codes))


@runtime_checkable
class Meaningful(Protocol):
    """A channel whose statuses do not say all."""

    meanings: tuple[Meaning, ...]


BY_STATUS = (
    Meaning("busy", (429,)),
    Meaning("unknown", (401,)),
    Meaning("barred", (403,)),
)
