"""Klaviyo's lists: found by name, and left by those who are no longer in the audience."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.json_api import must
from reverse_etl.conversation.verdicts import without_email
from reverse_etl.destinations.klaviyo.answers import WORDS
from reverse_etl.destinations.klaviyo.profiles import find, sent_email

LISTS = "/api/lists"
REMOVED_PER_REQUEST = 1_000


def find_list(name: str) -> Generator[Request, Response, str]:
    """Return the id of the list of this name, ``""`` where there is none."""
    params = {"filter": f"equals(name,{json.dumps(name, ensure_ascii=False)})"}
    for found in must((yield Request("GET", LISTS, params=params)), WORDS):
        if found["attributes"]["name"] == name:
            return str(found["id"])
    return ""


def remove(list_id: str, records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Take profiles out of the list. Nobody Klaviyo does not know is on a list of Klaviyo's."""
    found = yield from find(sent_email(record) for record in records)
    if isinstance(found, Response):
        return refusal(records, found, WORDS)
    ids = {email: str(item["id"]) for email, item in found.items()}
    leaving = [{"type": "profile", "id": ids[email]} for email in sorted(ids)]
    for start in range(0, len(leaving), REMOVED_PER_REQUEST):
        body = {"data": leaving[start : start + REMOVED_PER_REQUEST]}
        path = f"{LISTS}/{list_id}/relationships/profiles"
        response = yield Request("DELETE", path, json=body)
        if not response.is_done:
            return refusal(records, response, WORDS)
    return [
        Verdict(record.key, "acknowledged", channel_id=ids.get(sent_email(record)))
        if sent_email(record)
        else without_email(record)
        for record in records
    ]
