"""SendGrid's custom fields: by what ids it knows them, which it lacks, and how those are made."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from reverse_etl.channel.exchange import Refused, Request, Response
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.columns import kind_of
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries
from reverse_etl.destinations.sendgrid.contacts import FIELDS, WORDS

DEFINITIONS = "/v3/marketing/field_definitions"
KINDS = {
    "number": "Number",
    "boolean": "Text",
    "instant": "Date",
    "day": "Date",
    "text": "Text",
}


def definitions() -> Generator[Request, Response, dict[str, str] | Response]:
    """Return the ids of the custom fields by their names in small letters, or no such answer."""
    response = yield Request("GET", DEFINITIONS)
    answer = response.json()
    # Where there are none, the answer has its own reserved fields alone.
    if not response.ok or not isinstance(answer, dict) or "reserved_fields" not in answer:
        return response
    found = entries(answer, "custom_fields")
    return {
        str(each["name"]).lower(): str(each["id"]) for each in found if {"id", "name"} <= {*each}
    }


def lacking(columns: Mapping[str, str]) -> Inspection:
    """Compare the columns that are no reserved fields with the custom fields."""
    wanted = {name: type_ for name, type_ in columns.items() if name not in FIELDS}
    if not wanted:
        return []
    known = yield from definitions()
    if isinstance(known, Response):
        raise Refused(*complaint_of(known, WORDS))
    return [
        Missing(name, Request("POST", DEFINITIONS, json=_made(name, type_)))
        for name, type_ in wanted.items()
        if name.lower() not in known
    ]


def _made(name: str, data_type: str) -> dict[str, object]:
    return {"name": name, "field_type": KINDS[kind_of(data_type)]}
