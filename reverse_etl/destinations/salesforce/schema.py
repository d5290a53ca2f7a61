"""Salesforce's fields: which of a sync's columns the object has, and may be written."""

from __future__ import annotations

from collections.abc import Mapping

from reverse_etl.channel.exchange import Refused, Request
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries
from reverse_etl.destinations.salesforce.answers import WORDS


def lacking(version: str, kind: str, columns: Mapping[str, str]) -> Inspection:
    """Compare the columns with the object's fields."""
    response = yield Request("GET", f"{version}/sobjects/{kind}/describe")
    fields = {str(found.get("name")): found for found in entries(response.json(), "fields")}
    if not response.ok or not fields:
        raise Refused(*complaint_of(response, WORDS))
    missing = []
    for name in columns:
        found = fields.get(name, {})
        if not found:
            advice = f"make the field {name} of {kind} in Setup, Object Manager"
            missing.append(Missing(name, advice=advice))
        elif found.get("updateable") is False and found.get("createable") is False:
            advice = f"let the user's profile edit the field {name} of {kind}, or leave it out"
            missing.append(Missing(name, advice=advice))
    return missing
