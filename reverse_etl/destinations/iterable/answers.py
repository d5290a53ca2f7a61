"""Whom Iterable's bulk answers name, and why it did not take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import (
    Refused,
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.verdicts import (
    acknowledged,
    part,
    rejected,
    unread,
)

# Lists in which an answer names those it did not take, and what that means.
FAILURES = {
    "invalidEmails": "Iterable cannot read the address",
    "invalidUserIds": "Iterable cannot read the user id",
    "invalidDataEmails": "A value does not fit its field",
    "invalidDataUserIds": "A value does not fit its field",
    "conflictEmails": "Another user has this address",
    "conflictUserIds": "Another user has this id",
    "failedEmails": "Iterable did not say why",
    "failedUserIds": "Iterable did not say why",
    "forgottenEmails": "The person was forgotten at their wish",
    "forgottenUserIds": "The person was forgotten at their wish",
    "notFoundEmails": "Iterable knows no such user",
    "notFoundUserIds": "Iterable knows no such user",
}
WORDS = {
    "InvalidEmailAddressError": "Iterable cannot read the address",
    "RequestFieldsTypesMismatched": "A value has another type than its field in Iterable",
    "UniqueFieldsLimitExceeded": "The project has as many fields as Iterable allows",
    "ForgottenUserError": "The person was forgotten at their wish",
    "BatchTooLarge": "The request is too large",
    "UserIdAlreadyExists": "Another user has this id",
    "InvalidUserIdError": "Iterable cannot read the user id",
}


def read_verdicts(records: Sequence[Record], response: Response, identity: Any) -> list[Verdict]:
    """Give each record its verdict: Iterable names those it did not take, by address or id."""
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "successCount" not in answer:
        return refusal(records, response, WORDS)
    by_identity: dict[str, list[Record]] = {}
    for record in records:
        by_identity.setdefault(identity(record).lower(), []).append(record)
    refused: dict[str, Verdict] = {}
    for code, name in _failures(answer):
        for record in by_identity.get(name.lower(), ()):
            refused[record.key] = rejected(record, code, f"{FAILURES[code]}.")
    failed = answer.get("failCount")
    if not isinstance(failed, int):
        return unread(records, response)
    if failed > len(refused):
        # Not all of them are named: halved, each stands alone in the end.
        raise Refused("failures", f"Iterable did not take {failed} of these, and does not say why.")
    taken = [record for record in records if record.key not in refused]
    return [*acknowledged(taken), *refused.values()]


def _failures(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place in (answer, part(answer, "failedUpdates")):
        for code in FAILURES:
            names = place.get(code)
            for name in names if isinstance(names, list) else ():
                yield code, str(name)


def must(response: Response) -> Mapping[str, Any]:
    """Return an answer without which a list cannot be prepared."""
    answer = response.json()
    if response.ok and isinstance(answer, dict):
        return answer
    raise Refused(*complaint_of(response, WORDS))
