"""A stand-in for Klaviyo's profiles, lists and events: import jobs, look-ups, membership."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from reverse_etl.sandbox.klaviyo_shapes import (
    JSON_API,
    answer,
    at,
    error,
    event_of,
    filtered,
    import_error,
    invalid,
    job_resource,
    list_resource,
    metric_resource,
    missing,
    profile_ids,
    profile_resource,
)
from reverse_etl.sandbox.wire import Answer, Call, Document, History, now

_PATHS = {
    "events": re.compile(r"/api/events"),
    "metrics": re.compile(r"/api/metrics"),
    "lists": re.compile(r"/api/lists"),
    "members": re.compile(r"/api/lists/(\w+)/relationships/profiles"),
    "list_profiles": re.compile(r"/api/lists/(\w+)/profiles"),
    "profiles": re.compile(r"/api/profiles"),
    "jobs": re.compile(r"/api/profile-bulk-import-jobs"),
    "job": re.compile(r"/api/profile-bulk-import-jobs/(\w+)"),
    "errors": re.compile(r"/api/profile-bulk-import-jobs/(\w+)/import-errors"),
}


class Klaviyo:
    """Profiles, lists, import jobs and events by id. A profile's e-mail is unique."""

    slug = "klaviyo"
    label = "Klaviyo"

    def __init__(self) -> None:
        self.profiles: dict[str, Document] = {}
        self.lists: dict[str, Document] = {}
        self.jobs: dict[str, Document] = {}
        self.events: dict[str, Document] = {}
        self.history = History()
        self._ids: dict[str, str] = {}

    def handle(self, call: Call) -> Answer:
        """Answer one request."""
        if not call.headers.get("authorization", "").startswith("Klaviyo-API-Key "):
            title = "Authentication credentials were not provided."
            return error(401, "not_authenticated", title, "Missing or invalid private key.")
        if not call.headers.get("revision"):
            return invalid("The revision header is missing.")
        if call.body and call.headers.get("content-type", "").split(";")[0] != JSON_API:
            detail = f"Content-Type must be {JSON_API}."
            return error(415, "unsupported_media_type", "Unsupported media type.", detail)
        for name, pattern in _PATHS.items():
            found = pattern.fullmatch(call.path.rstrip("/"))
            method = getattr(self, f"_{call.method.lower()}_{name}", None) if found else None
            if found and method is not None:
                answered: Answer = method(call, *found.groups())
                return answered
        return error(404, "not_found", "Not found.", f"{call.method} {call.path} is not served.")

    def _get_lists(self, call: Call) -> Answer:
        names = filtered(call, "name")
        found = [item for item in self.lists.values() if names is None or item["name"] in names]
        data = [list_resource(item, call.base_url) for item in found]
        return answer(200, {"data": data, "links": {"self": f"{call.base_url}/api/lists"}})

    def _post_lists(self, call: Call) -> Answer:
        name = at(call.json(), "data", "attributes", "name")
        if not isinstance(name, str) or not name:
            return invalid("name is a required field.", "/data/attributes/name")
        key = f"L{len(self.lists) + 1:05d}"
        item = {"id": key, "name": name, "created": now(), "updated": now(), "members": {}}
        item["properties"] = []
        self.lists[key] = item
        self.history.note("create_list", list=name)
        return answer(201, {"data": list_resource(item, call.base_url)})

    def _post_events(self, call: Call) -> Answer:
        """Take an event; one with the unique id of another is that event, told again."""
        event = event_of(call.json())
        if event is None:
            return invalid("An event needs a metric's name and a profile's e-mail.")
        if event["unique_id"] not in self.events:
            self._upsert({"email": event["email"]})
            self.events[event["unique_id"]] = event
        return answer(202)

    def _get_metrics(self, call: Call) -> Answer:
        """Return what events are of; a metric is there from its first event on."""
        names = dict.fromkeys(event["metric"] for event in self.events.values())
        data = [
            metric_resource(number, name, call.base_url) for number, name in enumerate(names, 1)
        ]
        return answer(200, {"data": data, "links": {"self": f"{call.base_url}/api/metrics"}})

    def _get_profiles(self, call: Call) -> Answer:
        emails = filtered(call, "email")
        wanted = list(self._ids) if emails is None else [email.lower() for email in emails]
        return self._page(call, [self._ids[email] for email in wanted if email in self._ids])

    def _get_list_profiles(self, call: Call, key: str) -> Answer:
        if key not in self.lists:
            return missing("list", key)
        return self._page(call, list(self.lists[key]["members"]))

    def _page(self, call: Call, keys: list[str]) -> Answer:
        """Return some of the profiles; the cursor is the place of the next one."""
        size = int(call.query.get("page[size]", "20"))
        if not 1 <= size <= 100:
            return invalid("Page size must be an integer between 1 and 100.")
        start = int(call.query.get("page[cursor]") or 0)
        url = f"{call.base_url}{call.path}"
        links = {"self": url}
        if start + size < len(keys):
            links["next"] = f"{url}?page%5Bcursor%5D={start + size}"
        page = keys[start : start + size]
        data = [profile_resource(self.profiles[key], call.base_url) for key in page]
        return answer(200, {"data": data, "links": links})

    def _post_jobs(self, call: Call) -> Answer:
        body = call.json()
        profiles = at(body, "data", "attributes", "profiles", "data")
        if not isinstance(profiles, list) or not profiles:
            return invalid("profiles is a required field.", "/data/attributes/profiles")
        if len(profiles) > 10_000:
            return invalid("The payload holds more than 10000 profiles.")
        if len(call.body) > 5_000_000:
            return error(413, "too_large", "Payload too large.", "The limit is 5 MB.")
        lists = [item["id"] for item in at(body, "data", "relationships", "lists", "data") or []]
        for key in lists:
            if key not in self.lists:
                return missing("list", key)
        errors = []
        for index, item in enumerate(profiles):
            refusal = import_error(item, index, call.picks(item))
            if refusal:
                errors.append(refusal)
            else:
                self._join(self._upsert(item["attributes"], item.get("id")), lists)
                self._remember(item["attributes"].get("properties") or {}, lists)
        job = self._new_job(len(profiles), errors)
        return answer(202, {"data": job_resource(job, call.base_url)})

    def _new_job(self, total: int, errors: list[Document]) -> Document:
        key = f"J{len(self.jobs) + 1:06d}"
        expires = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.jobs[key] = {
            "id": key,
            "errors": errors,
            "status": "queued",
            "created_at": now(),
            "total_count": total,
            "expires_at": expires,
        }
        return self.jobs[key]

    def _get_job(self, call: Call, key: str) -> Answer:
        if key not in self.jobs:
            return missing("profile-bulk-import-job", key)
        job = self.jobs[key]
        # Every job is seen once on its way, so that nobody comes to rely on instant imports.
        job["status"] = {"queued": "processing"}.get(job["status"], "complete")
        return answer(200, {"data": job_resource(job, call.base_url)})

    def _get_errors(self, call: Call, key: str) -> Answer:
        if key not in self.jobs:
            return missing("profile-bulk-import-job", key)
        size = int(call.query.get("page[size]", "20"))
        start = int(call.query.get("page[cursor]") or 0)
        errors = self.jobs[key]["errors"]
        url = f"{call.base_url}/api/profile-bulk-import-jobs/{key}/import-errors"
        links = {"self": url}
        if start + size < len(errors):
            links["next"] = f"{url}?page%5Bcursor%5D={start + size}"
        page = errors[start : start + size]
        for item in page:
            item["links"] = {"self": f"{url}/{item['id']}"}
        return answer(200, {"data": page, "links": links})

    def _post_members(self, call: Call, key: str) -> Answer:
        if key not in self.lists:
            return missing("list", key)
        ids = profile_ids(call)
        if ids is None:
            return invalid("data must hold at most 1000 profiles.")
        for profile in ids:
            if profile not in self.profiles:
                return missing("profile", profile)
            self._join(profile, [key])
        return answer(204)

    def _delete_members(self, call: Call, key: str) -> Answer:
        if key not in self.lists:
            return missing("list", key)
        ids = profile_ids(call)
        if ids is None:
            return invalid("data must hold at most 1000 profiles.")
        item = self.lists[key]
        for profile in ids:
            if profile in item["members"]:
                del item["members"][profile]
                item["updated"] = now()
                email = self.profiles[profile]["attributes"].get("email")
                self.history.note("remove", list=item["name"], email=email)
        return answer(204)

    def _upsert(self, attributes: Document, named: str | None = None) -> str:
        email = attributes["email"].lower()
        if named in self.profiles and email not in self._ids:
            self._ids.pop(self.profiles[named]["attributes"].get("email"), None)
            self._ids[email] = named
        key = self._ids.setdefault(email, f"P{len(self.profiles) + 1:06d}")
        item = self.profiles.setdefault(
            key, {"id": key, "created": now(), "attributes": {}, "properties": {}}
        )
        item["updated"] = now()
        item["properties"] |= attributes.get("properties") or {}
        own = {name: value for name, value in attributes.items() if name != "properties"}
        item["attributes"] |= {**own, "email": email}
        return key

    def _join(self, profile: str, lists: list[str]) -> None:
        for key in lists:
            item = self.lists[key]
            item["updated"] = now()
            if profile not in item["members"]:
                item["members"][profile] = now()
                email = self.profiles[profile]["attributes"].get("email")
                self.history.note("add", list=item["name"], email=email)

    def _remember(self, properties: Document, lists: list[str]) -> None:
        """Note which properties came with a list; the page shows a member's others elsewhere."""
        for key in lists:
            known = self.lists[key]["properties"]
            known += [name for name in properties if name not in known]

    def limited(self, retry_after: str) -> Answer:
        """Return Klaviyo's answer above 10 requests a second."""
        limited = error(429, "throttled", "Request was throttled.", "Expected available soon.")
        return Answer(429, limited.content, {"Retry-After": retry_after}, JSON_API)

    def broken(self) -> Answer:
        """Return Klaviyo's answer to trouble of its own."""
        return error(500, "error", "A server error occurred.", "Try again later.")

    def state(self) -> Document:
        """Return everything kept, and ``audiences``: list name → its members with properties."""
        audiences = {
            item["name"]: {
                "id": item["id"],
                "size": len(item["members"]),
                "updated": item["updated"],
                "members": [self._member(key, item["properties"]) for key in item["members"]],
            }
            for item in self.lists.values()
        }
        return {
            "audiences": audiences,
            "lists": self.lists,
            "profiles": self.profiles,
            "jobs": self.jobs,
            "events": self.events,
            "history": self.history,
        }

    def _member(self, key: str, names: list[str]) -> Document:
        held = self.profiles[key]["properties"]
        shown = {name: held[name] for name in names if name in held}
        return {**self.profiles[key]["attributes"], "properties": shown}

    def restore(self, state: Document) -> None:
        """Take back everything kept."""
        self.profiles, self.lists = state["profiles"], state["lists"]
        self.jobs, self.history = state["jobs"], History(state["history"])
        self.events = state.get("events", {})
        self._ids = {item["attributes"]["email"]: key for key, item in self.profiles.items()}
