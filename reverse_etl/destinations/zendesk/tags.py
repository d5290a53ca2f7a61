"""Audiences of Zendesk's: tags on users, made by their first use."""

from __future__ import annotations

import re

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.record_by_record import Step, is_absent
from reverse_etl.conversation.verdicts import part
from reverse_etl.destinations.zendesk.jobs import WORDS
from reverse_etl.destinations.zendesk.users import USERS


def tag_of(label: str) -> str:
    """Return a label as a tag: small letters, digits and underscores."""
    return re.sub(r"\W+", "_", label.lower()).strip("_")


def put_on(record: Record, user: str | None, tag: str) -> Step[Verdict]:
    """Put the tag on; the answer has all that the user has afterwards."""
    response = yield Request("PUT", f"{USERS}/{user}/tags.json", json={"tags": [tag]})
    tags = part({"answer": response.json()}, "answer").get("tags")
    if response.ok and isinstance(tags, list) and tag in tags:
        return Verdict(record.key, "acknowledged", channel_id=user)
    return refusal([record], response, WORDS)[0]


def take_off(record: Record, tag: str) -> Step[Verdict]:
    """Take the tag off; somebody whose id we were never told got none from us."""
    if record.channel_id:
        path = f"{USERS}/{record.channel_id}/tags.json"
        response = yield Request("DELETE", path, json={"tags": [tag]})
        if not is_absent(response) and not response.is_done:
            return refusal([record], response, WORDS)[0]
    return Verdict(record.key, "acknowledged", channel_id=record.channel_id)
