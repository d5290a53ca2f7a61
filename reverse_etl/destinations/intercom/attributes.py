"""Intercom's data attributes: which of a sync's columns it has, and how the others are made."""

from __future__ import annotations

from collections.abc import Mapping

from reverse_etl.channel.exchange import Refused, Request
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.columns import kind_of
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries
from reverse_etl.destinations.intercom.contacts import FIELDS, WORDS

ATTRIBUTES = "/data_attributes"
KINDS = {
    "number": "float",
    "boolean": "boolean",
    "instant": "datetime",
    "day": "date",
    "text": "string",
}


def lacking(columns: Mapping[str, str]) -> Inspection:
    """Compare the columns that are no fields of every contact with the custom attributes."""
    response = yield Request("GET", ATTRIBUTES, params={"model": "contact"})
    known = {str(found.get("name")): found for found in entries(response.json(), "data")}
    if not response.ok or not known:
        raise Refused(*complaint_of(response, WORDS))
    missing = []
    for name, type_ in columns.items():
        if name in FIELDS:
            continue
        if name not in known:
            missing.append(Missing(name, Request("POST", ATTRIBUTES, json=_made(name, type_))))
        elif not known[name].get("custom"):
            advice = f"Intercom itself keeps {name}; give the column another name, or leave it out"
            missing.append(Missing(name, advice=advice))
    return missing


def _made(name: str, data_type: str) -> dict[str, object]:
    return {"name": name, "model": "contact", "data_type": KINDS[kind_of(data_type)]}
