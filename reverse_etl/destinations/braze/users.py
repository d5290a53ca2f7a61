"""Braze's users: whom it knows by which id, their attributes, deletions and new ids."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import (
    Conversation,
    Request,
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.verdicts import (
    acknowledged,
    text_of,
    unread,
    without_repeats,
)
from reverse_etl.destinations.braze.answers import WORDS, is_taken

ID = "external_id"
# Deletions and renamings take fewer than the 75 objects of a track request.
FEW = 50


def own_id(record: Record) -> str:
    """Return the id by which Braze is to know the user."""
    return text_of(record.fields, ID)


def sent_id(record: Record) -> str:
    """Return the id under which Braze knows the user; for a removal, any that is known."""
    known = text_of(record.sent_match, ID)
    return known or (own_id(record) if record.operation == "remove" else "")


def attributes(record: Record) -> dict[str, Any]:
    """Return a user's attributes; what is empty clears on a change, and is left out on an add."""
    return {
        name: value
        for name, value in record.fields.items()
        if value is not None or record.operation == "change"
    }


def without_label(external_id: str, name: str, label: str) -> dict[str, Any]:
    """Return the update that takes a label off; it makes no user of somebody who is gone."""
    return {ID: external_id, "_update_existing_only": True, name: {"remove": [label]}}


def delete(records: Sequence[Record]) -> Conversation:
    """Delete users."""
    verdicts: list[Verdict] = []
    known, unknown = without_repeats(records, sent_id, ID)
    for chunk in _chunks(known):
        body = {"external_ids": [sent_id(record) for record in chunk]}
        response = yield Request("POST", "/users/delete", json=body)
        taken = is_taken(response)
        verdicts += list(acknowledged(chunk)) if taken else refusal(chunk, response, WORDS)
    return unknown + verdicts


def rename(moved: Sequence[Record]) -> Generator[Request, Response, dict[str, Verdict]]:
    """Give users their new ids, so that they keep their history.

    Returns what to say of those that Braze did not rename: they start anew under the new id, and
    the old user stays as it is. Where the answer is none of Braze's, they wait.
    """
    notes: dict[str, Verdict] = {}
    for chunk in _chunks(moved):
        renames = [
            {"current_external_id": sent_id(record), "new_external_id": own_id(record)}
            for record in chunk
        ]
        body = {"external_id_renames": renames}
        response = yield Request("POST", "/users/external_ids/rename", json=body)
        answer = response.json()
        if not isinstance(answer, dict):
            notes |= {verdict.key: verdict for verdict in unread(chunk, response)}
            continue
        done = answer.get("external_ids") if response.ok else None
        renamed = {str(each) for each in done} if isinstance(done, list) else set()
        for record in chunk:
            if not renamed & {sent_id(record), own_id(record)}:
                reason = "Braze did not rename the user; it keeps the old one beside the new."
                notes[record.key] = Verdict(record.key, "acknowledged", "not_renamed", reason)
    return notes


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(records), FEW):
        yield records[start : start + FEW]
