"""What goes wrong in micro-batches, in words, and each trouble told once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orchestration.alert_webhook import ADDRESS, AlertNotDeliveredError, send
from reverse_etl.errors import SeamlineError
from reverse_etl.planning.guards import refusals
from reverse_etl.sync import SyncResult

if TYPE_CHECKING:
    from orchestration.follower import Followed

# Above this share of what a channel judged, its rejections are a fault and no daily noise.
REJECTED_FRACTION = 0.05
_BATCH = ""


class Troubles:
    """What goes wrong batch after batch: told once, and again only after it was over.

    The trouble of a sync is over when a batch has looked at that sync and found it well; a batch
    that had nothing for it says nothing of it.
    """

    def __init__(self) -> None:
        # By what was looked at: the batch as a whole, or a sync.
        self._known: dict[str, set[str]] = {}

    def tell(self, seen: Followed | SeamlineError) -> list[str]:
        """Return what is new, and send it to ``SEAMLINE_ALERT_URL`` where that is set."""
        if isinstance(seen, SeamlineError):
            found = {_BATCH: {str(seen): str(seen)}}
        else:
            found = {_BATCH: {file.reason: file.reason for file in seen.refused}}
            found |= {result.sync: troubles_of(result) for result in seen.syncs}
        news = [
            text
            for subject, troubles in found.items()
            for about, text in troubles.items()
            if about not in self._known.get(subject, ())
        ]
        self._known |= {subject: set(troubles) for subject, troubles in found.items()}
        address = os.environ.get(ADDRESS)
        if news and address:
            head = "Seamline: a micro-batch is in trouble."
            try:
                send(address, {"text": "\n\n".join([head, *news])})
            except AlertNotDeliveredError as error:
                news.append(f"Nobody was alerted: {error}")
        return news


def troubles_of(result: SyncResult) -> dict[str, str]:
    """Return what an operator must know of a run and do next, by what it is about."""
    found: dict[str, str] = {}
    sync, look = result.sync, f"Which, and why: seamline status --select {result.sync}"
    if result.status == "failed":
        found[f"{sync} failed"] = f"*{sync}* failed: {result.error}\n{look}"
    for guard in refusals(result.guards):
        of = f" of {guard.audience}" if guard.audience else ""
        found[f"{sync}{of} refused by {guard.name}"] = (
            f"*{sync}*{of} refused: {guard.reason}\n"
            f"To send anyway: seamline sync --select {sync} {guard.override}"
        )
    judged = result.acknowledged + result.rejected
    if judged and result.rejected / judged > REJECTED_FRACTION:
        why = ", ".join(f"{reason} ({count})" for reason, count in result.rejections)
        found[f"{sync} rejected"] = (
            f"*{sync}*: the channel rejected {result.rejected} of {judged}: {why}\n{look}"
        )
    return found
