"""Braze's cohorts, which its partners alone may fill: a cohort for an audience, users by their id.

They are described by Braze's page on the import of partners' cohorts, which says how a cohort is
made and filled, and not how it could be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Audience, Record
from reverse_etl.channel.exchange import Conversation, Preparation, Refused, Request
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.verdicts import acknowledged
from reverse_etl.destinations.braze.answers import WORDS, is_taken
from reverse_etl.destinations.braze.users import own_id, sent_id

NEEDED = ("PARTNER", "PARTNER_KEY", "CLIENT_SECRET")


def make_cohort(audience: str, label: str, settings: Mapping[str, str]) -> Preparation:
    """Name a cohort; one that has the audience's id already is the same one.

    Raises:
        Refused: the connection is no partner's, or Braze does not want the cohort.
    """
    absent = [f"BRAZE_{name}" for name in NEEDED if not settings.get(name)]
    if absent:
        raise Refused("not_a_partner", f"cohorts are for Braze's partners; set {', '.join(absent)}")
    body = {**_keys(settings), "name": label or audience, "cohort_id": audience}
    response = yield Request("POST", _path(settings), json=body)
    if not is_taken(response):
        raise Refused(*complaint_of(response, WORDS))
    return audience


def change_cohort(
    records: Sequence[Record], audience: Audience, settings: Mapping[str, str]
) -> Conversation:
    """Let users join or leave a cohort; who has a new id leaves it under the old one."""
    if not records:
        return []
    leaving = records[0].operation == "remove"
    joining = [] if leaving else [own_id(record) for record in records]
    left = [known for known in map(sent_id, records) if known and known not in joining]
    changes: list[dict[str, Any]] = []
    if left:
        changes.append({"user_ids": left, "should_remove": True})
    if joining:
        changes.append({"user_ids": joining})
    body = {**_keys(settings), "cohort_id": audience.channel_id, "cohort_changes": changes}
    response = yield Request("POST", f"{_path(settings)}/users", json=body)
    return acknowledged(records) if is_taken(response) else refusal(records, response, WORDS)


def _keys(settings: Mapping[str, str]) -> dict[str, str]:
    return {
        "partner_api_key": settings["PARTNER_KEY"],
        "client_secret": settings["CLIENT_SECRET"],
    }


def _path(settings: Mapping[str, str]) -> str:
    return f"/partners/{settings['PARTNER']}/cohorts"
