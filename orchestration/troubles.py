"""What goes wrong in micro-batches, in words, and each trouble told once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestration.alert_webhook import ADDRESS, AlertNotDeliveredError, send
from reverse_etl.sync import SyncResult

if TYPE_CHECKING:
    from orchestration.follower import Followed

# Above this share of what a channel judged, its rejections are a fault and no daily noise.
REJECTED_FRACTION = 0.05


class Troubles:
    """What goes wrong batch after batch: told once, and again only after it was over."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def of(self, followed: Followed) -> dict[str, str]:
        """Return what went wrong in a batch, in words, by what it is about."""
        found = {file.reason: file.reason for file in followed.refused}
        for result in followed.syncs:
            found |= troubles_of(result)
        return found

    def tell(self, troubles: Mapping[str, str]) -> list[str]:
        """Return those that are new, and send them to ``SEAMLINE_ALERT_URL`` where it is set."""
        news = [text for about, text in troubles.items() if about not in self._known]
        self._known = set(troubles)
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
    for guard in result.guards:
        if not (guard.passed or guard.overridden):
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
