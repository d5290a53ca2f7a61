"""Batches of entries, and the verdicts that Customer.io gives by their places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from reverse_etl.channel.batch import Record, as_json
from reverse_etl.channel.exchange import (
    Conversation,
    Request,
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, refusal, worded
from reverse_etl.conversation.verdicts import (
    acknowledged,
    entries,
    rejected,
    unidentified,
    unread,
    waiting,
)

BATCH = "/api/v2/batch"
# A request holds 500 kB, and each entry of it 32 kB; the margin is what wraps the columns.
LARGEST_ENTRY = 32_000
WORDS = {
    "required": "A field that Customer.io needs is missing",
    "invalid": "Customer.io cannot read a value",
    "parse_error": "Customer.io cannot read the request",
}


def send(said: Sequence[tuple[Record, list[dict[str, Any]] | str]]) -> Conversation:
    """Send entries in one batch; the answer names those that it refuses by their place."""
    verdicts: list[Verdict] = []
    senders: list[Record] = []
    batch: list[dict[str, Any]] = []
    for record, found in said:
        if isinstance(found, str):
            verdicts.append(_unsayable(record, found))
        elif max(len(orjson.dumps(entry, default=as_json)) for entry in found) > LARGEST_ENTRY:
            verdicts.append(_unsayable(record, "too_large"))
        else:
            senders += [record] * len(found)
            batch += found
    records = list({record.key: record for record in senders}.values())
    if not batch:
        return verdicts
    response = yield Request("POST", BATCH, json={"batch": batch})
    answer = response.json()
    if not response.ok or not isinstance(answer, dict):
        return verdicts + refusal(records, response, WORDS)
    errors = entries(answer, "errors")
    if response.status == 207 and not errors:
        return verdicts + unread(records, response)
    refused: dict[str, Verdict] = {}
    for error in errors:
        place = error.get("batch_index")
        if not isinstance(place, int) or not 0 <= place < len(senders):
            return verdicts + waiting(records, *complaint_of(response, WORDS))
        code = str(error.get("reason") or "error")
        named = " ".join(str(error[part]) for part in ("field", "message") if error.get(part))
        words = worded(code, named or code, WORDS)
        refused.setdefault(senders[place].key, rejected(senders[place], code, words))
    taken = [record for record in records if record.key not in refused]
    return [*verdicts, *acknowledged(taken), *refused.values()]


def _unsayable(record: Record, code: str) -> Verdict:
    reason = {
        "too_large": f"It is larger than the {LARGEST_ENTRY:,} bytes that Customer.io takes.",
        "bad_properties": "Its column 'properties' is no JSON object.",
    }.get(code)
    if reason is None:
        return unidentified(record, "id or e-mail address")
    return rejected(record, code, reason, is_permanent=True)
