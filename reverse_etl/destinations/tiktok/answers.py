"""What TikTok answers: 200 to everything, and a code that says how it went."""

from __future__ import annotations

from typing import Any

from reverse_etl.channel.exchange import Refused, Response
from reverse_etl.channel.meaning import Meaning
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import part

MEANINGS = (
    Meaning("busy", (200,), ("40100",), "TikTok counts too many requests"),
    Meaning("unknown", (200,), ("40102", "40104", "40105")),
    Meaning("barred", (200,), ("40001",), "let the token's app manage the advertiser's audiences"),
)
WORDS = {
    "40001": "The token may not manage the advertiser's audiences",
    "40002": "TikTok does not take the request",
    "40007": "The audience or the file is not there any more",
    "40100": "TikTok counts too many requests",
    "40102": "The access token has expired",
    "40104": "The access token is empty",
    "40105": "The access token is wrong or was revoked",
    "50000": "TikTok has trouble of its own",
    "50002": "TikTok has trouble of its own",
}


def read(response: Response) -> dict[str, Any]:
    """Return the data of an answer; TikTok says 200 to what it refuses, too.

    Raises:
        Refused: it is no success.
    """
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or answer.get("code") != 0:
        raise Refused(*complaint_of(response, WORDS))
    return part(answer, "data")
