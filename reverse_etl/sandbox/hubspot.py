"""A stand-in for HubSpot's contacts: batches by e-mail, merges, static lists, what is there."""

from __future__ import annotations

import re
from typing import Any

from reverse_etl.sandbox.hubspot_lists import LISTS, Lists
from reverse_etl.sandbox.hubspot_properties import Properties
from reverse_etl.sandbox.wire import Answer, Call, Document, History, now

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
CONTACTS = "/crm/v3/objects/contacts"
HOW = ("read", "create", "update", "upsert")
CORRELATION = "00000000-0000-4000-8000-000000000000"


def _error(status: int, category: str, message: str, **more: Any) -> Answer:
    body = {"status": "error", "message": message, "correlationId": CORRELATION}
    return Answer(status, {**body, "category": category, **more})


TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"
# What the stand-in knows of, its token may do.
SCOPES = [
    f"crm.{what}.{how}" for what in ("objects.contacts", "lists") for how in ("read", "write")
]


class HubSpot:
    """Contacts by id; the e-mail is unique."""

    slug = "hubspot"
    label = "HubSpot"

    def __init__(self) -> None:
        self.contacts: dict[str, Document] = {}
        self.history = History()
        self.lists = Lists(_error)
        self.properties = Properties(_error)
        self._ids: dict[str, str] = {}
        self._merged: dict[str, str] = {}
        self._made = 0

    def handle(self, call: Call) -> Answer:
        """Answer one request."""
        if not call.headers.get("authorization", "").startswith("Bearer "):
            message = "Authentication credentials not found. This API supports OAuth 2.0."
            return _error(401, "INVALID_AUTHENTICATION", message)
        if call.path == TOKEN_INFO:
            return Answer(200, {"hubId": 1, "userId": 1, "appId": 1, "scopes": SCOPES})
        if call.path.startswith(LISTS):
            found = self.lists.handle(call, self.contacts)
        else:
            found = self._handle(call) or self.properties.handle(call, self.contacts)
        message = f"No resource at {call.method} {call.path}."
        return found or _error(404, "OBJECT_NOT_FOUND", message)

    def _handle(self, call: Call) -> Answer | None:
        if (call.method, call.path) == ("GET", CONTACTS):
            return self._list(call)
        if (call.method, call.path) == ("POST", f"{CONTACTS}/merge"):
            return self._merge(call)
        batch, _, how = call.path.rpartition("/")
        if (call.method, batch) == ("DELETE", CONTACTS):
            return self._archive(how)
        if (call.method, call.path) == ("POST", f"{CONTACTS}/batch/archive"):
            for item in (call.json() or {}).get("inputs", []):
                self._archive(str(item.get("id")))  # who is not there is gone already
            return Answer(204)
        if (call.method, batch) == ("POST", f"{CONTACTS}/batch") and how in HOW:
            return self._batch(call, how)
        return None

    def _list(self, call: Call) -> Answer:
        limit = int(call.query.get("limit", "10"))
        if not 1 <= limit <= 100:
            return _error(400, "VALIDATION_ERROR", "limit must be between 1 and 100.")
        wanted = call.query.get("properties", "email").split(",")
        after = int(call.query.get("after", "0"))
        ahead = sorted((key for key in self.contacts if int(key) > after), key=int)
        page = ahead[:limit]
        answer: Document = {"results": [self._shown(key, wanted) for key in page]}
        if len(ahead) > limit:
            link = f"{call.base_url}{CONTACTS}?after={page[-1]}"
            answer["paging"] = {"next": {"after": page[-1], "link": link}}
        return Answer(200, answer)

    def _archive(self, key: str) -> Answer:
        if self.contacts.pop(key, None) is None:
            return _error(404, "OBJECT_NOT_FOUND", f"No contact with ID {key}.")
        self._ids = {email: owner for email, owner in self._ids.items() if owner != key}
        self.lists.forget(key)
        self.history.note("archive", id=key)
        return Answer(204)

    def _shown(self, key: str, wanted: list[str]) -> Document:
        contact = self.contacts[key]
        held = contact["properties"]
        return {**contact, "properties": {name: held.get(name) for name in wanted}}

    def _batch(self, call: Call, how: str) -> Answer:
        body = call.json()
        inputs = body.get("inputs") if isinstance(body, dict) else None
        problem = _problem(inputs, how)
        if problem or not isinstance(inputs, list):
            return _error(400, "VALIDATION_ERROR", problem)
        if how == "create":
            for item in inputs:
                owner = self._ids.get(str(item["properties"].get("email", "")).lower())
                if owner:
                    message = f"Contact already exists. Existing ID: {owner}"
                    return _error(409, "CONFLICT", message)
        started = now()
        key = ""
        results, errors = [], []
        for item in inputs:
            named = {"id": item.get("id") or item["properties"].get("email", ""), **item}
            if how == "read":
                key = self._key(named["id"], body.get("idProperty"))
                refusal = None if key else _absent(named)
            else:
                refusal = self._refusal(named, call.picks(item), how)
            if refusal:
                errors.append({"status": "error", **refusal})
            elif how == "read":
                wanted = body.get("properties") or ["email"]
                results.append(self._shown(key, wanted))
            else:
                results.append(self._apply(named))
        answer = {"status": "COMPLETE", "results": results, "startedAt": started}
        answer["completedAt"] = now()
        if not errors:
            return Answer(201 if how == "create" else 200, answer)
        return Answer(207, {**answer, "numErrors": len(errors), "errors": errors})

    def _key(self, named: str, by: str | None) -> str:
        """Return the id of a contact named by its address or by an id it has or had."""
        if by == "email":
            return self._ids.get(named.lower(), "")
        key = self._merged.get(named, named)
        return key if key in self.contacts else ""

    def _merge(self, call: Call) -> Answer:
        """Merge two contacts: the primary one stays, and both addresses lead to it."""
        body = call.json()
        named = body if isinstance(body, dict) else {}
        ids = [str(named.get(name)) for name in ("primaryObjectId", "objectIdToMerge")]
        kept, gone = (self._merged.get(key, key) for key in ids)
        for key in (kept, gone):
            if key not in self.contacts:
                return _error(404, "OBJECT_NOT_FOUND", f"No contact with ID {key}.")
        if kept == gone:
            return _error(400, "VALIDATION_ERROR", "Cannot merge a contact with itself.")
        loser, winner = self.contacts.pop(gone), self.contacts[kept]
        winner["properties"] = {**loser["properties"], **winner["properties"]}
        for email, key in self._ids.items():
            if key == gone:
                self._ids[email] = kept
        self._merged |= {gone: kept} | {k: kept for k, v in self._merged.items() if v == gone}
        winner["updatedAt"] = now()
        self.lists.forget(gone, kept)
        self.history.note("merge", id=kept, merged=gone)
        return Answer(200, dict(winner))

    def _refusal(self, item: Document, picked: bool, how: str) -> Document | None:
        """Return why HubSpot refuses one contact."""
        trace = {"context": {"objectWriteTraceId": [str(item.get("objectWriteTraceId", ""))]}}
        email = str(item["properties"].get("email", item["id"])).lower()
        if picked or not _EMAIL.fullmatch(email):
            detail = f'"message":"Email address {email} is invalid","error":"INVALID_EMAIL"'
            message = f'Property values were not valid: [{{"isValid":false,{detail}}}]'
            return {"category": "VALIDATION_ERROR", "message": message, **trace}
        known, owner = self._ids.get(item["id"].lower()), self._ids.get(email)
        if how == "update" and known is None:
            return _absent(item)
        if owner and owner != known:
            message = f"Contact already exists. Existing ID: {owner}"
            return {"category": "CONFLICT", "message": message, **trace}
        return None

    def _apply(self, item: Document) -> Document:
        address = item["id"].lower()
        contact_id = self._ids.get(address)
        is_new = contact_id is None
        if contact_id is None:
            self._made += 1
            contact_id = str(100 + self._made)
            properties = {"email": address}
            self.contacts[contact_id] = {
                "id": contact_id,
                "properties": properties,
                "createdAt": now(),
                "archived": False,
            }
        contact = self.contacts[contact_id]
        if item["properties"].get("email"):
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
        state = {"contacts": self.contacts, "history": self.history, "lists": self.lists.held}
        state["properties"] = self.properties.made
        return {**state, "addresses": self._ids, "merged": self._merged, "made": self._made}

    def restore(self, state: Document) -> None:
        """Take back contacts and history."""
        self.contacts = state["contacts"]
        self.history = History(state["history"])
        self.lists.held = state.get("lists", {})
        self.properties.made = state.get("properties", {})
        own = {c["properties"]["email"]: key for key, c in self.contacts.items()}
        self._ids = state.get("addresses", own)
        self._merged = state.get("merged", {})
        self._made = state.get("made", len(self.contacts))


def _absent(item: Document) -> Document:
    message = "Could not get some CONTACT objects, they may be deleted or not exist."
    context = {"ids": [item["id"]]}
    return {"category": "OBJECT_NOT_FOUND", "message": message, "context": context}


def _problem(inputs: Any, how: str) -> str:
    """Return what is wrong with a batch as a whole, ``""`` if nothing is."""
    if not isinstance(inputs, list) or not inputs:
        return "Invalid input JSON: inputs must be a list with at least one element."
    if len(inputs) > 100:
        return "The maximum number of inputs supported in a batch request is 100."
    for item in inputs:
        if problem := _problem_of(item, how):
            return problem
    if how == "create":
        addresses = [str(item["properties"].get("email", "")).lower() for item in inputs]
    else:
        addresses = [item["id"].lower() for item in inputs]
    if how != "read" and len(set(addresses)) < len(addresses):
        return "Duplicate IDs found in batch input."
    return ""


def _problem_of(item: Any, how: str) -> str:
    """Return what makes one input unreadable, which refuses the batch."""
    if not isinstance(item, dict) or (how != "create" and not item.get("id")):
        return "Invalid input JSON: an input has no id."
    if how == "read":
        return ""
    if how != "create" and item.get("idProperty") != "email":
        return "Contacts are unique by email only: idProperty must be email."
    properties = item.get("properties")
    if not isinstance(properties, dict):
        return "Invalid input JSON: an input has no properties."
    if not all(isinstance(value, str) for value in properties.values()):
        return "Invalid input JSON: property values must be strings."
    return ""
