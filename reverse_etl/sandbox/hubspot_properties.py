"""HubSpot's properties of contacts: what a contact may be told, and what has been made for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reverse_etl.sandbox.display import label
from reverse_etl.sandbox.wire import Answer, Call, Document

PROPERTIES = "/crm/v3/properties/contacts"
# A few of those that every account has.
STANDARD = ("email", "firstname", "lastname", "phone", "city", "country", "jobtitle", "company")


class Properties:
    """Properties by name. The stand-in takes any property, so it has whatever it has been told."""

    def __init__(self, error: Callable[..., Answer]) -> None:
        self.made: dict[str, Document] = {}
        self._error = error

    def handle(self, call: Call, contacts: Mapping[str, Document]) -> Answer | None:
        """List the properties, or make one."""
        if call.path != PROPERTIES:
            return None
        held = dict.fromkeys(STANDARD)
        held |= dict.fromkeys(
            name for contact in contacts.values() for name in contact["properties"]
        )
        known = {name: _property(name) for name in held} | self.made
        if call.method == "GET":
            return Answer(200, {"results": list(known.values())})
        asked = call.json()
        name = asked.get("name") if isinstance(asked, dict) else None
        if not name or not {"label", "type", "fieldType", "groupName"} <= asked.keys():
            return self._error(400, "VALIDATION_ERROR", "Some required fields were not set.")
        if name in known:
            return self._error(409, "OBJECT_ALREADY_EXISTS", f"A property named '{name}' exists.")
        self.made[name] = asked
        return Answer(201, asked)


def _property(name: str) -> Document:
    return {
        "name": name,
        "label": label(name),
        "type": "string",
        "fieldType": "text",
        "groupName": "contactinformation",
    }
