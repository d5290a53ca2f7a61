"""A stand-in for HubSpot's static lists of contacts: made by name, joined and left by ids."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from reverse_etl.sandbox.wire import Answer, Call, Document, now

LISTS = "/crm/v3/lists"
BY_NAME = f"{LISTS}/object-type-id/0-1/name/"
CONTACT = "0-1"

Refusal = Callable[[int, str, str], Answer]


class Lists:
    """Lists by id, each with its name and the ids of its members."""

    def __init__(self, refuse: Refusal) -> None:
        self.held: dict[str, Document] = {}
        self._refuse = refuse

    def handle(self, call: Call, contacts: Collection[str]) -> Answer | None:
        """Answer a request that is about lists; ``contacts`` are the ids that there are."""
        if call.method == "GET" and call.path.startswith(BY_NAME):
            return self._named(call.path.removeprefix(BY_NAME))
        if call.path == f"{LISTS}/":
            return self._make(call) if call.method == "POST" else Answer(200, {"lists": []})
        parts = call.path.removeprefix(f"{LISTS}/").split("/")
        if call.method != "PUT" or len(parts) != 3 or parts[1] != "memberships":
            return None
        if parts[0] not in self.held:
            return self._refuse(404, "OBJECT_NOT_FOUND", f"No list with ID {parts[0]}.")
        change = {"add": self._add, "remove": self._remove}.get(parts[2])
        ids = call.json()
        if change is None or not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
            return self._refuse(400, "VALIDATION_ERROR", "A list of record ids is expected.")
        return Answer(200, change(self.held[parts[0]], ids, contacts))

    def _named(self, name: str) -> Answer:
        for found in self.held.values():
            if found["name"].lower() == name.lower():
                return Answer(200, {"list": _shown(found)})
        return self._refuse(404, "OBJECT_NOT_FOUND", f"List does not exist with name {name}.")

    def _make(self, call: Call) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or not body.get("name"):
            return self._refuse(400, "VALIDATION_ERROR", "A list needs a name.")
        if body.get("objectTypeId") != CONTACT or body.get("processingType") != "MANUAL":
            return self._refuse(400, "VALIDATION_ERROR", "Only manual lists of contacts are held.")
        if self._named(str(body["name"])).status == 200:
            return self._refuse(400, "VALIDATION_ERROR", "A list with this name exists.")
        number = str(len(self.held) + 1)
        made = {"listId": number, "name": str(body["name"]), "createdAt": now(), "members": []}
        self.held[number] = made
        return Answer(200, {"list": _shown(made)})

    def _add(self, held: Document, ids: list[str], contacts: Collection[str]) -> Document:
        joining = [each for each in ids if each in contacts and each not in held["members"]]
        held["members"] += joining
        absent = [each for each in ids if each not in contacts]
        return _changed(added=joining, missing=absent)

    def _remove(self, held: Document, ids: list[str], contacts: Collection[str]) -> Document:
        leaving = [each for each in ids if each in held["members"]]
        held["members"] = [each for each in held["members"] if each not in leaving]
        return _changed(removed=leaving, missing=[each for each in ids if each not in contacts])

    def forget(self, contact: str, successor: str = "") -> None:
        """Take a contact that is gone off every list; who it was merged into is on it instead."""
        for held in self.held.values():
            if contact in held["members"]:
                held["members"].remove(contact)
                if successor and successor not in held["members"]:
                    held["members"].append(successor)


def _shown(held: Document) -> Document:
    shown: dict[str, Any] = {name: held[name] for name in ("listId", "name", "createdAt")}
    return {**shown, "objectTypeId": CONTACT, "processingType": "MANUAL", "listVersion": 1}


def _changed(
    added: Collection[str] = (), removed: Collection[str] = (), missing: Collection[str] = ()
) -> Document:
    """Return HubSpot's answer, with its own spelling of the first name."""
    return {
        "recordsIdsAdded": list(added),
        "recordIdsRemoved": list(removed),
        "recordIdsMissing": list(missing),
    }
