"""Attio's attributes: which of a sync's columns an object has, and how the others are made."""

from __future__ import annotations

from collections.abc import Mapping

from reverse_etl.channel.exchange import Refused, Request
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.columns import kind_of, title_of
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries

KINDS = {
    "number": "number",
    "boolean": "checkbox",
    "instant": "timestamp",
    "day": "date",
    "text": "text",
}
_PAGE = 500


def lacking(kind: str, columns: Mapping[str, str]) -> Inspection:
    """Compare the columns with the attributes of ``people`` or ``companies``."""
    path = f"/v2/objects/{kind}/attributes"
    known: set[str] = set()
    while True:
        params = {"limit": str(_PAGE), "offset": str(len(known))}
        response = yield Request("GET", path, params=params)
        found = {str(each.get("api_slug")) for each in entries(response.json(), "data")}
        if not response.ok or not (found or known):
            raise Refused(*complaint_of(response))
        if found <= known or len(found) < _PAGE:
            known |= found
            break
        known |= found
    return [
        Missing(name, Request("POST", path, json={"data": _made(name, type_)}))
        for name, type_ in columns.items()
        if name not in known
    ]


def _made(name: str, data_type: str) -> dict[str, object]:
    return {
        "title": title_of(name),
        "description": None,
        "api_slug": name,
        "type": KINDS[kind_of(data_type)],
        "is_required": False,
        "is_unique": False,
        "is_multiselect": False,
        "config": {},
    }
