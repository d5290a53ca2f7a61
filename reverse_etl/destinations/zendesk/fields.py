"""Zendesk's user fields: which of a sync's columns it has, and how the others are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverse_etl.channel.exchange import Refused, Request
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.columns import kind_of, title_of
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries, part
from reverse_etl.destinations.zendesk.jobs import WORDS
from reverse_etl.destinations.zendesk.users import FIELDS

USER_FIELDS = "/api/v2/user_fields.json"
# A date of Zendesk's has no time.
KINDS = {
    "number": "decimal",
    "boolean": "checkbox",
    "instant": "text",
    "day": "date",
    "text": "text",
}


def lacking(columns: Mapping[str, str]) -> Inspection:
    """Compare the columns that every user does not have with the account's user fields."""
    wanted = {name: type_ for name, type_ in columns.items() if name not in FIELDS}
    known: dict[str, dict[str, Any]] = {}
    params = {"page[size]": "100"}
    while wanted:
        response = yield Request("GET", USER_FIELDS, params=params)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or "user_fields" not in answer:
            raise Refused(*complaint_of(response, WORDS))
        known |= {str(found.get("key")): found for found in entries(answer, "user_fields")}
        cursor = part(answer, "meta").get("after_cursor")
        if not (cursor and part(answer, "meta").get("has_more")):
            break
        params = {"page[size]": "100", "page[after]": str(cursor)}
    missing = []
    for name, type_ in wanted.items():
        if name not in known:
            missing.append(Missing(name, Request("POST", USER_FIELDS, json=_made(name, type_))))
        elif known[name].get("active") is False:
            advice = f"activate the user field {name} in Zendesk's Admin Center"
            missing.append(Missing(name, advice=advice))
    return missing


def _made(name: str, data_type: str) -> dict[str, object]:
    return {"user_field": {"key": name, "title": title_of(name), "type": KINDS[kind_of(data_type)]}}
