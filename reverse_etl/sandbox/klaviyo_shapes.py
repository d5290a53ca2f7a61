"""The shapes of Klaviyo's JSON:API: answers, errors and resources, and what its filters say."""

from __future__ import annotations

import json
import re
from typing import Any

from reverse_etl.sandbox.wire import Answer, Call, Document, now

JSON_API = "application/vnd.api+json"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_FILTER = re.compile(r"(equals|any)\((\w+),(.*)\)", re.DOTALL)


def answer(status: int, content: Any = None, **headers: str) -> Answer:
    """Return an answer with the rate headers that all but a 429 carry."""
    rate = {"RateLimit-Limit": "10", "RateLimit-Remaining": "9", "RateLimit-Reset": "1"}
    return Answer(status, content, {**rate, **headers}, JSON_API)


def error(status: int, code: str, title: str, detail: str, pointer: str = "/data") -> Answer:
    """Return an error document."""
    found = {"id": "00000000-0000-4000-8000-000000000000", "status": status, "code": code}
    found |= {"title": title, "detail": detail, "source": {"pointer": pointer}}
    return answer(status, {"errors": [found]})


def invalid(detail: str, pointer: str = "/data") -> Answer:
    """Return the error of input that is not valid."""
    return error(400, "invalid", "Invalid input.", detail, pointer)


def missing(what: str, key: str) -> Answer:
    """Return the error of a resource that is not there."""
    return error(404, "not_found", "Not found.", f"A {what} with id {key} does not exist.")


def at(document: Any, *keys: str) -> Any:
    """Return what lies under ``keys``, ``None`` where the document ends before."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def profile_ids(call: Call) -> list[str] | None:
    """Return the ids of a membership request, ``None`` where it is not valid."""
    data = at(call.json(), "data")
    if not isinstance(data, list) or len(data) > 1_000:
        return None
    return [str(item.get("id")) for item in data]


def filtered(call: Call, name: str) -> list[str] | None:
    """Return the values a filter asks for, ``None`` where there is no such filter."""
    found = _FILTER.fullmatch(call.query.get("filter", ""))
    if not found or found.group(2) != name:
        return None
    values = json.loads(found.group(3))
    return values if isinstance(values, list) else [values]


def import_error(item: Any, index: int, picked: bool) -> Document | None:
    """Return the import error of one profile."""
    attributes = at(item, "attributes") or {}
    email, phone = attributes.get("email"), attributes.get("phone_number")
    field, detail = "", ""
    if picked or not isinstance(email, str) or not _EMAIL.fullmatch(email):
        field, detail = "email", "Invalid email address"
    elif phone is not None and not _PHONE.fullmatch(str(phone)):
        field, detail = "phone_number", "Invalid phone number format (expected +12345678901)"
    if not field:
        return None
    return {
        "type": "import-error",
        "id": f"E{index + 1:06d}",
        "attributes": {
            "code": "invalid",
            "title": "Invalid input.",
            "detail": detail,
            "source": {"pointer": f"/data/attributes/profiles/data/{index}/attributes/{field}"},
            "original_payload": attributes,
        },
    }


def event_of(body: Any) -> Document | None:
    """Return an event as it is kept, ``None`` where it is not valid."""
    attributes = at(body, "data", "attributes")
    name = at(attributes, "metric", "data", "attributes", "name")
    email = at(attributes, "profile", "data", "attributes", "email")
    if not name or not isinstance(email, str) or not _EMAIL.fullmatch(email):
        return None
    told = {field: at(attributes, field) for field in ("time", "value", "value_currency")}
    kept = {"metric": name, "email": email.lower(), "properties": at(attributes, "properties")}
    return {**kept, **told, "unique_id": at(attributes, "unique_id") or f"{name}/{email}/{now()}"}


def list_resource(item: Document, base_url: str) -> Document:
    """Return a list as Klaviyo shows it."""
    attributes = {name: item[name] for name in ("name", "created", "updated")}
    attributes["opt_in_process"] = "double_opt_in"
    links = {"self": f"{base_url}/api/lists/{item['id']}"}
    return {"type": "list", "id": item["id"], "attributes": attributes, "links": links}


def metric_resource(number: int, name: str, base_url: str) -> Document:
    """Return a metric as Klaviyo shows it."""
    key = f"M{number:05d}"
    attributes = {"name": name, "integration": None}
    links = {"self": f"{base_url}/api/metrics/{key}"}
    return {"type": "metric", "id": key, "attributes": attributes, "links": links}


def profile_resource(item: Document, base_url: str) -> Document:
    """Return a profile as Klaviyo shows it."""
    times = {"created": item["created"], "updated": item["updated"]}
    attributes = {**item["attributes"], **times, "properties": item["properties"]}
    links = {"self": f"{base_url}/api/profiles/{item['id']}"}
    return {"type": "profile", "id": item["id"], "attributes": attributes, "links": links}


def job_resource(job: Document, base_url: str) -> Document:
    """Return an import job as Klaviyo shows it."""
    failed = len(job["errors"])
    is_complete = job["status"] == "complete"
    attributes = {
        "status": job["status"],
        "created_at": job["created_at"],
        "started_at": job["created_at"],
        "expires_at": job["expires_at"],
        "completed_at": now() if is_complete else None,
        "total_count": job["total_count"],
        "completed_count": job["total_count"] - failed if is_complete else 0,
        "failed_count": failed if is_complete else 0,
    }
    links = {"self": f"{base_url}/api/profile-bulk-import-jobs/{job['id']}"}
    kind = "profile-bulk-import-job"
    return {"type": kind, "id": job["id"], "attributes": attributes, "links": links}
