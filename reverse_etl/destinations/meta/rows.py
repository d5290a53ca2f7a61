"""Rows of hashed identifiers as Meta reads them, and what its counts and errors say of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Refused, Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.members import Identifiers, Row, Rows, chunks
from reverse_etl.conversation.verdicts import (
    acknowledged,
    part,
    refuse_or_wait,
    unread,
    waiting,
)
from reverse_etl.destinations.meta.answers import WORDS

# EXTERN_ID and MADID leave unhashed, as Meta asks; a removal needs no more than tells people apart.
MEMBERS = Identifiers(
    "meta",
    {
        "EXTERN_ID": "external_id",
        "EMAIL": "email",
        "PHONE": "phone",
        "MADID": "mobile_id",
        "GEN": "gender",
        "DOBY": "birth_year",
        "DOBM": "birth_month",
        "DOBD": "birth_day",
        "FN": "first_name",
        "LN": "last_name",
        "CT": "city",
        "ST": "state",
        "ZIP": "postcode",
        "COUNTRY": "country",
    },
    alternatives=(frozenset({"EMAIL"}), frozenset({"PHONE"}), frozenset({"MADID"})),
    removal=("EXTERN_ID", "EMAIL", "PHONE", "MADID"),
)
# Meta reads a removal's rows from the query string, where servers cut at about 8 kB.
REMOVED_PER_REQUEST = 25
# Trouble on Meta's side, audiences closed for edits or too small: nothing that halving the batch
# would mend.
NOT_ABOUT_ROWS = {1, 2, 2650, *range(200, 300)}
CLOSED_FOR_EDITS = 1713230
UNREADABLE = "invalid_entries"


def version(settings: Mapping[str, str]) -> str:
    """Return the version of the Graph API to speak."""
    return settings.get("VERSION") or "v26.0"


def session_id(batch_id: str) -> int:
    """Return a number that stays the same over retries, as a session needs."""
    return int.from_bytes(hashlib.sha256(batch_id.encode()).digest()[:7], "big")


@dataclass(frozen=True)
class Part:
    """One request's place in its session; most sessions have one request."""

    session: int
    total: int
    number: int = 1
    is_last: bool = True


def parameters(rows: Sequence[Row], place: Part) -> dict[str, str]:
    """Return ``payload`` and ``session`` as the form fields Meta reads.

    The schema holds only the keys that some row has; a row without one of them says ``""``, which
    Meta reads as unknown.
    """
    schema = [key for key in MEMBERS.keys if any(key in item for item in rows)]
    payload = {"schema": schema, "data": [[item.get(key, "") for key in schema] for item in rows]}
    counted = {
        "session_id": place.session,
        "batch_seq": place.number,
        "last_batch_flag": place.is_last,
        "estimated_num_total": place.total,
    }
    return {name: json.dumps(value, separators=(",", ":")) for name, value in
            (("payload", payload), ("session", counted))}  # fmt: skip


def remove(path: str, session: int, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
    """Take rows out of an audience, as many at a time as fit into a query string."""
    verdicts: list[Verdict] = []
    for chunk in chunks(rows, REMOVED_PER_REQUEST):
        verdicts += yield from send("DELETE", path, session, chunk)
    return verdicts


def send(
    method: Literal["POST", "DELETE"], path: str, session: int, rows: Rows
) -> Generator[Request, Response, list[Verdict]]:
    """Send rows once. As Meta's own client does it: a form to add, the query string to remove."""
    if not rows:
        return []
    records = [record for record, _ in rows.values()]
    sent = parameters([identifiers for _, identifiers in rows.values()], Part(session, len(rows)))
    if method == "DELETE":
        response = yield Request("DELETE", path, params=sent)
    else:
        response = yield Request("POST", path, form=sent)
    answer = response.json()
    if not isinstance(answer, dict):
        return unread(records, response)
    if "error" in answer or not response.ok:
        return _refusal(records, response, answer)
    return _counted(records, answer)


def _refusal(records: list[Record], response: Response, answer: Mapping[str, Any]) -> list[Verdict]:
    error = part(answer, "error")
    code, reason = complaint_of(response, WORDS)
    number = error.get("code")
    transient = error.get("is_transient") or error.get("error_subcode") == CLOSED_FOR_EDITS
    if transient or number in NOT_ABOUT_ROWS:
        return waiting(records, code, reason)
    return refuse_or_wait(records, response, code, reason)


def _counted(records: list[Record], answer: Mapping[str, Any]) -> list[Verdict]:
    """Turn Meta's counts into verdicts.

    Meta says how many rows it could not read, not which. Adding and removing may be repeated, so
    the engine halves the batch until the unreadable row stands alone.
    """
    received = answer.get("num_received")
    invalid = answer.get("num_invalid_entries") or 0
    if not isinstance(received, int):
        return waiting(records, "no_counts", "Meta's answer does not say what it received.")
    if invalid:
        raise Refused(
            UNREADABLE, f"Meta could not read the identifiers of {invalid} of these rows."
        )
    if received < len(records):
        return waiting(records, "not_received", f"Meta received only {received} of these rows.")
    return list(acknowledged(records))
