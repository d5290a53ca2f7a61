"""What Braze took of a batch, and whom it names by their place."""

from __future__ import annotations

from collections.abc import Sequence

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import (
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.verdicts import (
    acknowledged,
    entries,
    rejected,
    unread,
    waiting,
)

TAKEN = ("success", "queued")
WORDS = {
    "http_400": "Braze cannot read the request",
    "The value provided for the 'external_id' field is not valid.": "Its external_id is not valid",
    "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required": (
        "Braze cannot tell who it is about"
    ),
}


def is_taken(response: Response) -> bool:
    """Return whether Braze took a request."""
    answer = response.json()
    return response.ok and isinstance(answer, dict) and answer.get("message") in TAKEN


def read_verdicts(records: Sequence[Record], response: Response, array: str) -> list[Verdict]:
    """Give each record its verdict: Braze names those that it left out by their place."""
    answer = response.json()
    if not is_taken(response):
        return refusal(records, response, WORDS)
    refused = {}
    errors = answer.get("errors") or []
    if not isinstance(errors, list) or len(entries(answer, "errors")) != len(errors):
        return unread(records, response)
    for error in errors:
        place = error.get("index")
        if error.get("input_array", array) != array or not isinstance(place, int):
            return unread(records, response)
        if not 0 <= place < len(records):
            return unread(records, response)
        said = str(error.get("type") or "Braze did not say why.")
        reason = f"{WORDS[said]} ({said})" if said in WORDS else said
        refused[records[place].key] = rejected(records[place], "track_error", reason)
    taken = [record for record in records if record.key not in refused]
    processed = answer.get(f"{array}_processed")
    if isinstance(processed, int) and processed < len(taken):
        reason = f"Braze took only {processed} of these, and does not say which."
        return [*waiting(taken, "not_processed", reason), *refused.values()]
    return [*acknowledged(taken), *refused.values()]
