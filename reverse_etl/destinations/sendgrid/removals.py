"""Contacts taken out of a list, or out of the account, by ids that are searched for."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.verdicts import entries, part
from reverse_etl.destinations.sendgrid.contacts import CONTACTS, LISTS, WORDS, sent

# A search takes 100 addresses, and as many ids fit into the query string of a deletion.
LOOKED_UP_PER_REQUEST = 100


def remove(list_id: str, records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Take contacts out of a list, or out of the account. Whom it does not know is in neither."""
    verdicts: list[Verdict] = []
    for chunk in _chunks(records):
        ids = yield from _ids(chunk)
        if isinstance(ids, Response):
            verdicts += refusal(chunk, ids, WORDS)
            continue
        path, name = (
            (f"{LISTS}/{list_id}/contacts", "contact_ids") if list_id else (CONTACTS, "ids")
        )
        if ids:
            response = yield Request("DELETE", path, params={name: ",".join(sorted(ids.values()))})
            if not response.ok or not isinstance(response.json(), dict):
                verdicts += refusal(chunk, response, WORDS)
                continue
        verdicts += [
            Verdict(record.key, "acknowledged", channel_id=ids.get(sent(record)))
            for record in chunk
        ]
    return verdicts


def _ids(records: Sequence[Record]) -> Generator[Request, Response, dict[str, str] | Response]:
    """Return the contacts' ids by address, or the answer that has none."""
    body = {"emails": [sent(record) for record in records]}
    response = yield Request("POST", f"{CONTACTS}/search/emails", json=body)
    answer = response.json()
    if response.status == 404 and any(each.get("message") for each in entries(answer, "errors")):
        return {}  # it knows none of them
    if not response.ok or not isinstance(answer, dict) or "result" not in answer:
        return response
    found = part(answer, "result")
    contacts = {email.lower(): part(found.get(email), "contact") for email in found}
    return {email: str(each["id"]) for email, each in contacts.items() if "id" in each}


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(records), LOOKED_UP_PER_REQUEST):
        yield records[start : start + LOOKED_UP_PER_REQUEST]
