"""A stand-in for HubSpot's contacts: batch upsert by e-mail, and a list of what is there."""

from __future__ import annotations

import re
from typing import Any

from reverse_etl.sandbox.wire import Answer, Call, Document, History, now

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
CONTACTS = "/crm/v3/objects/contacts"
CORRELATION = "00000000-0000-4000-8000-000000000000"


def _error(status: int, category: str, message: str, **more: Any) -> Answer:
    body = {"status": "error", "message": message, "correlationId": CORRELATION}
    return Answer(status, {**body, "category": category, **more})


class HubSpot:
    """Contacts by id; the e-mail is unique."""

    slug = "hubspot"
    label = "HubSpot"

    def __init__(self) -> None:
        self.contacts: dict[str, Document] = {}
        self.history = History()
        self._ids: dict[str, str] = {}

    def handle(self, call: Call) -> Answer:
        """Answer one request."""
        if not call.headers.get("authorization", "").startswith("Bearer "):
            message = "Authentication credentials not found. This API supports OAuth 2.0."
            return _error(401, "INVALID_AUTHENTICATION", message)
        if (call.method, call.path) == ("POST", f"{CONTACTS}/batch/upsert"):
            return self._upsert(call)
        if (call.method, call.path) == ("GET", CONTACTS):
            return Answer(200, {"results": list(self.contacts.values())})
        return _error(404, "OBJECT_NOT_FOUND", f"No resource at {call.method} {call.path}.")

    def _upsert(self, call: Call) -> Answer:
        body = call.json()
        inputs = body.get("inputs") if isinstance(body, dict) else None
        problem = _problem(inputs)
        if problem or not isinstance(inputs, list):
            return _error(400, "VALIDATION_ERROR", problem)
        started = now()
        results, errors = [], []
        for item in inputs:
            refusal = self._refusal(item, call.picks(item))
            if refusal:
                trace = {"objectWriteTraceId": [str(item.get("objectWriteTraceId", ""))]}
                errors.append({"status": "error", "context": trace, **refusal})
            else:
                results.append(self._apply(item))
        answer = {"status": "COMPLETE", "results": results, "startedAt": started}
        answer["completedAt"] = now()
        if not errors:
            return Answer(200, answer)
        return Answer(207, {**answer, "numErrors": len(errors), "errors": errors})

    def _refusal(self, item: Document, picked: bool) -> Document | None:
        """Return why HubSpot refuses one contact."""
        email = str(item["properties"].get("email", item["id"])).lower()
        if picked or not _EMAIL.fullmatch(email):
            detail = f'"message":"Email address {email} is invalid","error":"INVALID_EMAIL"'
            message = f'Property values were not valid: [{{"isValid":false,{detail}}}]'
            return {"category": "VALIDATION_ERROR", "message": message}
        owner = self._ids.get(email)
        if owner and owner != self._ids.get(item["id"].lower()):
            message = f"Contact already exists. Existing ID: {owner}"
            return {"category": "CONFLICT", "message": message}
        return None

    def _apply(self, item: Document) -> Document:
        address = item["id"].lower()
        contact_id = self._ids.get(address)
        is_new = contact_id is None
        if contact_id is None:
            contact_id = str(101 + len(self.contacts))
            properties = {"email": address}
            self.contacts[contact_id] = {
                "id": contact_id,
                "properties": properties,
                "createdAt": now(),
                "archived": False,
            }
        contact = self.contacts[contact_id]
        self._ids.pop(contact["properties"]["email"], None)
        contact["properties"] |= {name: value for name, value in item["properties"].items()}
        email = contact["properties"]["email"].lower()
        contact["properties"]["email"] = email
        contact["updatedAt"] = now()
        self._ids[email] = contact_id
        self.history.note("create" if is_new else "update", id=contact_id, email=email)
        trace = {"objectWriteTraceId": item.get("objectWriteTraceId"), "new": is_new}
        return {**contact, "properties": dict(contact["properties"]), **trace}

    def limited(self, retry_after: str) -> Answer:
        """Return HubSpot's answer above 190 requests in 10 seconds."""
        body = {
            "status": "error",
            "message": "You have reached your ten_secondly_rolling limit.",
            "errorType": "RATE_LIMIT",
            "correlationId": CORRELATION,
            "policyName": "TEN_SECONDLY_ROLLING",
        }
        return Answer(429, body, {"Retry-After": retry_after})

    def broken(self) -> Answer:
        """Return HubSpot's answer to trouble of its own."""
        return _error(500, "INTERNAL_ERROR", "internal error")

    def state(self) -> Document:
        """Return contacts and history."""
        return {"contacts": self.contacts, "history": self.history}

    def restore(self, state: Document) -> None:
        """Take back contacts and history."""
        self.contacts = state["contacts"]
        self.history = History(state["history"])
        self._ids = {c["properties"]["email"]: key for key, c in self.contacts.items()}


def _problem(inputs: Any) -> str:
    """Return what is wrong with a batch as a whole, ``""`` if nothing is."""
    if not isinstance(inputs, list) or not inputs:
        return "Invalid input JSON: inputs must be a list with at least one element."
    if len(inputs) > 100:
        return "The maximum number of inputs supported in a batch request is 100."
    for item in inputs:
        if problem := _problem_of(item):
            return problem
    addresses = [item["id"].lower() for item in inputs]
    if len(set(addresses)) < len(addresses):
        return "Duplicate IDs found in batch input."
    return ""


def _problem_of(item: Any) -> str:
    """Return what makes one input unreadable, which refuses the batch."""
    if not isinstance(item, dict) or not item.get("id"):
        return "Invalid input JSON: an input has no id."
    if item.get("idProperty") != "email":
        return "Contacts are unique by email only: idProperty must be email."
    properties = item.get("properties")
    if not isinstance(properties, dict):
        return "Invalid input JSON: an input has no properties."
    if not all(isinstance(value, str) for value in properties.values()):
        return "Invalid input JSON: property values must be strings."
    return ""
