"""Klaviyo's profiles: what is sent of them, and how they are looked up by their addresses."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterable, Sequence
from typing import Any

from reverse_etl.channel.batch import Options, Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.edits import choose
from reverse_etl.conversation.json_api import is_page
from reverse_etl.conversation.verdicts import email_of, entries, part
from reverse_etl.destinations.klaviyo.answers import WORDS

PROFILES = "/api/profiles"
IDENTIFIERS = ("email", "phone_number", "external_id")
ATTRIBUTES = (*IDENTIFIERS, "first_name", "last_name", "organization", "title", "locale")
# A filter goes into the URL, where proxies cut at about 8 kB.
LOOKED_UP_PER_REQUEST = 50


def profile(record: Record, kept: Collection[str] = ()) -> dict[str, Any]:
    """Return the profile to import, without the fields in ``kept``.

    On a change, an empty column clears what was sent before. On an add it is left out, because
    what Klaviyo holds there is not ours. Identifiers are never cleared.

    Raises:
        ValueError: ``properties`` is no JSON object, or holds one of Klaviyo's own ``$`` names.
    """
    attributes: dict[str, Any] = {}
    for name in ATTRIBUTES:
        if name in record.fields and name not in kept:
            value = record.fields[name]
            clears = record.operation == "change" and name not in IDENTIFIERS
            if value not in (None, "") or clears:
                attributes[name] = value or None
    properties = record.fields.get("properties")
    if isinstance(properties, str):
        properties = json.loads(properties)
    if properties is not None:
        if not isinstance(properties, dict):
            raise ValueError("its properties are not a JSON object")
        # $consent and its kin are Klaviyo's own: writing them would touch a subscription.
        own = sorted(name for name in properties if name.startswith("$"))
        if own:
            raise ValueError(f"its property {own[0]} belongs to Klaviyo")
        attributes["properties"] = properties
    return {"type": "profile", "attributes": attributes}


def sent_email(record: Record) -> str:
    """Return the e-mail under which the record is in the list; for a removal, any that is known."""
    known = email_of(record.sent_match)
    return known or (email_of(record.fields) if record.operation == "remove" else "")


def former(moved: Sequence[Record]) -> Generator[Request, Response, dict[str, str]]:
    """Return the ids of profiles that are to have another address, by record.

    One whose new address has a profile already is left; that profile is the person's now.
    """
    both = [
        address for record in moved for address in (sent_email(record), email_of(record.fields))
    ]
    found = yield from find(both)
    if isinstance(found, Response):
        return {}
    return {
        record.key: str(found[sent_email(record)]["id"])
        for record in moved
        if sent_email(record) in found and email_of(record.fields) not in found
    }


def look(
    records: Sequence[Record], verdicts: list[Verdict], options: Options
) -> Generator[Request, Response, tuple[list[Record], dict[str, list[str]]]]:
    """Read the profiles as they are; return those to write, and the fields to leave alone.

    Verdicts of the others are added to ``verdicts``.
    """
    found = yield from find(sent_email(r) or email_of(r.fields) for r in records)
    if isinstance(found, Response):
        verdicts += refusal(records, found, WORDS)
        return [], {}
    held = {email: part(item, "attributes") for email, item in found.items()}
    chosen, kept, left = choose(
        records, lambda record: held.get(sent_email(record) or email_of(record.fields)), options
    )
    verdicts += left
    return chosen, kept


def find(
    emails: Iterable[str],
) -> Generator[Request, Response, dict[str, dict[str, Any]] | Response]:
    """Look profiles up by their addresses; return them, or the answer that is none."""
    wanted = sorted(set(emails) - {""})
    found = {}
    for start in range(0, len(wanted), LOOKED_UP_PER_REQUEST):
        chunk = wanted[start : start + LOOKED_UP_PER_REQUEST]
        quoted = ",".join(json.dumps(email, ensure_ascii=False) for email in chunk)
        params = {"filter": f"any(email,[{quoted}])", "page[size]": "100"}
        response = yield Request("GET", PROFILES, params=params)
        answer = response.json()
        if not response.ok or not is_page(answer):
            return response
        for item in entries(answer, "data"):
            if item.get("id"):
                found[email_of(part(item, "attributes"))] = item
    return found
