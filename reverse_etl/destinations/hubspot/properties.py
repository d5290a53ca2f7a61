"""HubSpot's properties: which of a sync's columns it has, and how the others are made."""

from __future__ import annotations

from collections.abc import Mapping

from reverse_etl.channel.exchange import Refused, Request
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.columns import kind_of, title_of
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries

# Where HubSpot shows the properties of each kind.
GROUPS = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
}
KINDS = {
    "number": ("number", "number"),
    "boolean": ("bool", "booleancheckbox"),
    "instant": ("datetime", "date"),
    "day": ("date", "date"),
    "text": ("string", "text"),
}


def lacking(kind: str, columns: Mapping[str, str]) -> Inspection:
    """Compare the columns with the properties of ``contacts``, ``companies`` or ``deals``."""
    response = yield Request("GET", f"/crm/v3/properties/{kind}")
    known = {str(found.get("name")) for found in entries(response.json(), "results")}
    if not response.ok or not known:
        raise Refused(*complaint_of(response))
    return [
        Missing(name, Request("POST", f"/crm/v3/properties/{kind}", json=_made(kind, name, type_)))
        for name, type_ in columns.items()
        if name not in known
    ]


def _made(kind: str, name: str, data_type: str) -> dict[str, object]:
    type_, field = KINDS[kind_of(data_type)]
    made: dict[str, object] = {
        "name": name,
        "label": title_of(name),
        "type": type_,
        "fieldType": field,
        "groupName": GROUPS[kind],
    }
    if type_ == "bool":
        choices = (("true", "Yes"), ("false", "No"))
        made["options"] = [{"value": value, "label": label} for value, label in choices]
    return made
