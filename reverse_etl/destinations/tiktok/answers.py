"""What TikTok answers: 200 to everything, and a code that says how it went."""

from __future__ import annotations

from typing import Any

from reverse_etl.channel.exchange import Refused, Response
from reverse_etl.conversation.verdicts import part, readable


def read(response: Response) -> dict[str, Any]:
    """Return the data of an answer; TikTok says 200 to what it refuses, too.

    Raises:
        Refused: it is no success.
    """
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "code" not in answer:
        raise Refused(f"http_{response.status}", f"TikTok answered {response.status}.")
    if answer["code"] != 0:
        raise Refused(str(answer["code"]), readable(answer.get("message") or "no reason given"))
    return part(answer, "data")
