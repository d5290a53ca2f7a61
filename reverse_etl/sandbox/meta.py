"""A stand-in for Meta's custom audiences: create, find, add, remove and replace hashed rows."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from typing import Any

from reverse_etl.sandbox.wire import Answer, Call, Document, History, now

KEYS = ("EXTERN_ID", "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT")
KNOWN = {*KEYS, "ST", "ZIP", "MADID", "COUNTRY", "APPUID"}
CLEAR = {"EXTERN_ID", "MADID", "APPUID"}
# What tells two rows of one person: the advertiser's own id, else one of these.
IDENTIFYING = ("EXTERN_ID", "EMAIL", "PHONE")
_HASH = re.compile(r"[0-9a-f]{64}")
_HASH_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_AUDIENCES = re.compile(r"/v\d+\.\d+/act_(\w+)/customaudiences")
_USERS = re.compile(r"/v\d+\.\d+/(\d+)/users(replace)?")


def _error(status: int, code: int, kind: str, message: str) -> Answer:
    error = {"message": message, "type": kind, "code": code, "fbtrace_id": "A0sandbox"}
    return Answer(status, {"error": error})


def _invalid(message: str) -> Answer:
    return _error(400, 100, "OAuthException", f"(#100) {message}")


def _is_valid(row: list[Any], schema: list[str]) -> bool:
    """Whether Meta could read a row: every value is a hash (of something), or unknown."""
    if len(row) != len(schema) or not any(row):
        return False
    hashed = [value for key, value in zip(schema, row, strict=True) if key not in CLEAR and value]
    return all(
        isinstance(value, str) and _HASH.fullmatch(value) and value != _HASH_OF_NOTHING
        for value in hashed
    )


def _is_same_person(left: Document, right: Document) -> bool:
    for key in IDENTIFYING:
        if left.get(key) and right.get(key):
            return bool(left[key] == right[key])
    return False


Place = tuple[str, str, str]


def _places(audience: str, row: Document) -> list[Place]:
    """Return where an index of all rows files this one."""
    return [(audience, key, row[key]) for key in IDENTIFYING if row.get(key)]


class Meta:
    """Custom audiences by id, each with its rows."""

    slug = "meta"
    label = "Meta"

    def __init__(self) -> None:
        self.audiences: dict[str, Document] = {}
        self.history = History()
        self._index: dict[Place, set[int]] = {}
        self._latest = 0
        # Begun and not ended, by audience; as at Meta, they are not kept for long.
        self._sessions: dict[str, Document] = {}

    def handle(self, call: Call) -> Answer:
        """Answer one request."""
        bearer = call.headers.get("authorization", "").startswith("Bearer ")
        if not bearer and not call.query.get("access_token"):
            message = "An access token is required to request this resource."
            return _error(401, 104, "OAuthException", message)
        if call.path.endswith("/me/permissions"):
            return Answer(200, {"data": [{"permission": "ads_management", "status": "granted"}]})
        if account := _AUDIENCES.fullmatch(call.path):
            if call.method == "POST":
                return self._create(account.group(1), call.form())
            return self._list(account.group(1), call)
        users = _USERS.fullmatch(call.path)
        if users and call.method in (("POST",) if users.group(2) else ("POST", "DELETE")):
            return self._users(call, users.group(1), replaces=bool(users.group(2)))
        return _error(404, 2500, "OAuthException", f"Unknown path components: {call.path}")

    def _create(self, account: str, form: dict[str, str]) -> Answer:
        if not form.get("name"):
            return _invalid("The parameter name is required")
        if form.get("subtype") != "CUSTOM" or not form.get("customer_file_source"):
            return _invalid("The parameters subtype and customer_file_source are required")
        key = str(23850000000000001 + len(self.audiences))
        known = {"id": key, "account": account, "name": form["name"], "updated": now(), "rows": {}}
        self.audiences[key] = known
        self.history.note("create_audience", audience=form["name"])
        return Answer(200, {"id": key})

    def _list(self, account: str, call: Call) -> Answer:
        size = int(call.query.get("limit", "25"))
        start = int(call.query.get("after") or 0)
        ours = [each for each in self.audiences.values() if each["account"] == account]
        found = ours[start : start + size]
        answer: Document = {"data": [{"id": item["id"], "name": item["name"]} for item in found]}
        if found:
            after = str(start + len(found))
            answer["paging"] = {"cursors": {"before": str(start), "after": after}}
            if start + len(found) < len(ours):
                answer["paging"]["next"] = f"{call.base_url}{call.path}?after={after}"
        return Answer(200, answer)

    def _users(self, call: Call, key: str, *, replaces: bool = False) -> Answer:
        if key not in self.audiences:
            return _invalid(f"Object with ID '{key}' does not exist")
        fields = call.form() if call.method == "POST" else call.query
        try:
            payload = json.loads(fields.get("payload", ""))
            session = json.loads(fields.get("session", "{}"))
        except ValueError:
            return _invalid("The parameter payload must be JSON")
        schema, data = payload.get("schema"), payload.get("data")
        if not isinstance(schema, list) or not set(schema) <= KNOWN:
            return _invalid("The parameter schema holds an unknown key")
        if not isinstance(data, list) or not 1 <= len(data) <= 10_000:
            return _invalid("The parameter data must hold 1 to 10000 rows")
        refused = {n for n, row in enumerate(data) if call.picks(row) or not _is_valid(row, schema)}
        rows = [
            {name: value for name, value in zip(schema, row, strict=True) if value}
            for number, row in enumerate(data)
            if number not in refused
        ]
        invalid = len(refused)
        if not replaces:
            for row in rows:
                self._apply(self.audiences[key], call.method, row)
        elif complaint := self._replace(self.audiences[key], session, rows):
            return _invalid(complaint)
        counts = {"num_received": len(data), "num_invalid_entries": invalid}
        about = {"audience_id": key, "session_id": str(session.get("session_id", ""))}
        return Answer(200, {**about, **counts, "invalid_entry_samples": {}})

    def _replace(self, audience: Document, session: Document, rows: list[Document]) -> str:
        """Set rows aside until their session ends, then take them for the audience."""
        number, sequence = session.get("session_id"), session.get("batch_seq")
        if not isinstance(number, int) or not isinstance(sequence, int):
            return "The parameter session must have session_id and batch_seq"
        if sequence == 1:
            self._sessions[audience["id"]] = {"id": number, "batches": []}
        begun = self._sessions.get(audience["id"])
        # A request that is sent again takes its own place again.
        if not begun or begun["id"] != number or not 1 <= sequence <= len(begun["batches"]) + 1:
            return f"The session has no place for batch_seq {sequence}"
        begun["batches"][sequence - 1 :] = [rows]
        if session.get("last_batch_flag"):
            latest = self._latest
            for row in itertools.chain(*begun["batches"]):
                self._apply(audience, "POST", row)
            for row in [row for at, row in audience["rows"].items() if at < latest]:
                self._apply(audience, "DELETE", row)
        return ""

    def _apply(self, audience: Document, method: str, row: Document) -> None:
        is_there = self._remove(audience, row)
        if method == "POST":
            audience["rows"][self._latest] = {**row, "added": now()}
            for place in _places(audience["id"], row):
                self._index.setdefault(place, set()).add(self._latest)
            self._latest += 1
        audience["updated"] = now()
        shown = {name: row[name] for name in IDENTIFYING if name in row}
        if method == "POST" and not is_there:
            self.history.note("add", audience=audience["name"], **shown)
        elif method == "DELETE" and is_there:
            self.history.note("remove", audience=audience["name"], **shown)

    def _remove(self, audience: Document, row: Document) -> bool:
        """Take out the rows of the same person; return whether there were any."""
        places = _places(audience["id"], row)
        candidates = set[int]().union(*(self._index.get(place, ()) for place in places))
        rows = audience["rows"]
        found = [number for number in candidates if _is_same_person(rows[number], row)]
        for number in found:
            for place in _places(audience["id"], rows.pop(number)):
                self._index[place].discard(number)
        return bool(found)

    def limited(self, retry_after: str) -> Answer:
        """Return too many requests, in Meta's words (Meta itself says so in a 400, code 17)."""
        limited = _error(429, 17, "OAuthException", "(#17) User request limit reached")
        return Answer(429, limited.content, {"Retry-After": retry_after})

    def broken(self) -> Answer:
        """Return Meta's answer to trouble of its own."""
        message = "An unexpected error has occurred. Please retry your request later."
        return _error(500, 2, "OAuthException", message)

    def state(self) -> Document:
        """Return everything kept; ``audiences`` is by name, with the account where it takes two."""
        names = Counter(item["name"] for item in self.audiences.values())
        audiences = {
            item["name"] if names[item["name"]] == 1 else f"{item['name']}, {item['account']}": {
                "id": item["id"],
                "name": item["name"],
                "account": item["account"],
                "size": len(item["rows"]),
                "updated": item["updated"],
                "members": list(item["rows"].values()),
            }
            for item in self.audiences.values()
        }
        return {"audiences": audiences, "history": self.history}

    def restore(self, state: Document) -> None:
        """Take back everything kept."""
        self.history = History(state["history"])
        for item in state["audiences"].values():
            rows = dict(enumerate(item["members"], start=self._latest))
            self._latest += len(rows)
            key = item["id"]
            known = {name: item[name] for name in ("id", "account", "name", "updated")}
            self.audiences[key] = {**known, "rows": rows}
            for number, row in rows.items():
                for place in _places(key, row):
                    self._index.setdefault(place, set()).add(number)
