"""Which of some records Zendesk has as users already, asked by their external ids.

Not by e-mail address: that is a search, which does not know the new users for minutes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.verdicts import entries, rejected, text_of
from reverse_etl.destinations.zendesk.jobs import WORDS

SHOW_MANY = "/api/v2/users/show_many.json"
NAMELESS = "Whether it is there is asked by external_id, and it has none that can be asked for."


def look_up(
    records: Sequence[Record],
) -> Generator[Request, Response, tuple[dict[str, dict[str, Any] | None], list[Verdict]]]:
    """Return each record's user by its key, ``None`` where there is none; and verdicts of others.

    Raises:
        Refused: Zendesk found something wrong with the question.
    """
    asked, verdicts = [], []
    for record in records:
        if _id(record) and "," not in _id(record):
            asked.append(record)
        else:
            verdicts.append(rejected(record, "no_external_id", NAMELESS, is_permanent=True))
    if not asked:
        return {}, verdicts
    params = {"external_ids": ",".join(map(_id, asked))}
    response = yield Request("GET", SHOW_MANY, params=params)
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "users" not in answer:
        return {}, verdicts + refusal(asked, response, WORDS)
    users = {text_of(user, "external_id").lower(): user for user in entries(answer, "users")}
    return {record.key: users.get(_id(record).lower()) for record in asked}, verdicts


def _id(record: Record) -> str:
    return text_of(record.fields, "external_id")
