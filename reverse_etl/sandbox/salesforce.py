"""A stand-in for Salesforce: records of any object by id, collections, campaigns, bulk jobs."""

from __future__ import annotations

import re
from typing import Any

from reverse_etl.sandbox.salesforce_bulk import Jobs, refused
from reverse_etl.sandbox.wire import Answer, Call, Document, History

VERSIONED = re.compile(r"/services/data/v\d+\.\d+/(.*)")
NAMED = re.compile(r"SELECT Id FROM Campaign WHERE Name = '((?:[^'\\]|\\.)*)' .*")
LISTED = re.compile(r"SELECT ([\w, ]+) FROM (\w+) WHERE (\w+) IN \((.*)\)")
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
COLLECTION = 200
MEMBERSHIP = ("CampaignId", "ContactId", "LeadId")
PREFIXES = {"Contact": "003", "Lead": "00Q", "Account": "001", "Campaign": "701"}


def _text(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)


class Salesforce:
    """Records by object and id."""

    slug = "salesforce"
    label = "Salesforce"

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Document]] = {}
        self.history = History()
        self.jobs = Jobs(self._apply)
        self._made = 0

    def handle(self, call: Call) -> Answer:
        """Answer one request."""
        if not call.headers.get("authorization", "").startswith("Bearer "):
            return refused("INVALID_SESSION_ID", "Session expired or invalid", 401)
        found = VERSIONED.fullmatch(call.path)
        answer = self._answer(call, found[1]) if found else None
        return answer or refused("NOT_FOUND", "The requested resource does not exist", 404)

    def _answer(self, call: Call, rest: str) -> Answer | None:
        if rest.startswith("jobs/ingest"):
            return self.jobs.handle(call, rest.removeprefix("jobs/ingest"))
        if rest.startswith("composite/sobjects"):
            return self._collection(call, rest.removeprefix("composite/sobjects").strip("/"))
        asked = (call.method, rest)
        if asked == ("GET", "limits"):
            return Answer(200, {"DailyApiRequests": {"Max": 15_000, "Remaining": 14_998}})
        if asked == ("GET", "query"):
            return self._query(call.query.get("q", ""))
        if asked == ("POST", "sobjects/Campaign"):
            number, _, error = self._apply("Campaign", "insert", "", dict(call.json() or {}))
            code, _, words = error.partition(":")
            made = {"id": number, "success": True, "errors": []}
            return refused(code, words) if error else Answer(201, made)
        return None

    def _query(self, text: str) -> Answer:
        if named := NAMED.fullmatch(text):
            rows = self._where("Campaign", "Name", [_text(named[1])], ["Id"])
        elif listed := LISTED.fullmatch(text):
            columns, kind, field, ids = listed.groups()
            values = [_text(each) for each in QUOTED.findall(ids)]
            rows = self._where(kind, field, values, columns.split(", "))
        else:
            return refused("MALFORMED_QUERY", "This stand-in finds records by one field only.")
        return Answer(200, {"totalSize": len(rows), "done": True, "records": rows})

    def _where(
        self, kind: str, field: str, values: list[str], columns: list[str]
    ) -> list[Document]:
        wanted = {value.lower() for value in values}
        return [
            {name: number if name == "Id" else fields.get(name) for name in columns}
            for number, fields in self.records.get(kind, {}).items()
            if str(fields.get(field)).lower() in wanted
        ]

    def _collection(self, call: Call, rest: str) -> Answer:
        if call.method == "DELETE":
            ids = call.query.get("ids", "").split(",")
            rows: list[Any] = [{"Id": number} for number in ids]
            operation, kind, field = "delete", "", "Id"
        else:
            body = call.json()
            rows = body.get("records") if isinstance(body, dict) else None  # type: ignore[assignment]
            if not isinstance(rows, list):
                return refused("JSON_PARSER_ERROR", "records are expected")
            kind, _, field = rest.partition("/")
            operation = "upsert" if field else {"POST": "insert"}.get(call.method, "update")
        if len(rows) > COLLECTION:
            return refused("INVALID_INPUT", f"No more than {COLLECTION} records are allowed.")
        return Answer(200, [self._result(call, operation, kind, field, row) for row in rows])

    def _result(self, call: Call, operation: str, kind: str, field: str, row: Any) -> Document:
        values = dict(row) if isinstance(row, dict) else {}
        kind = kind or str(values.pop("attributes", {}).get("type", ""))
        values.pop("attributes", None)
        error = "INVALID_FIELD:told to refuse it" if call.picks(row) else ""
        number, is_new = "", False
        if not error:
            number, is_new, error = self._apply(kind, operation, field, values)
        if error:
            code, _, words = error.partition(":")
            complaint = {"statusCode": code, "message": words.removesuffix(":--"), "fields": []}
            return {"success": False, "errors": [complaint]}
        created = {"created": is_new} if operation == "upsert" else {}
        return {"id": number, "success": True, "errors": [], **created}

    def _apply(
        self, kind: str, operation: str, field: str, values: dict[str, Any]
    ) -> tuple[str, bool, str]:
        """Change one record; return its id, whether it is new, and what was wrong, if anything."""
        number = str(values.pop("Id", "") or values.pop("id", "") or "")
        if operation in ("delete", "update"):
            return number, False, self._touch(operation, number, values)
        if operation == "upsert" and not values.get(field):
            return "", False, f"MISSING_ARGUMENT:{field} not specified:--"
        if kind == "CampaignMember" and self._is_member(values):
            return "", False, "DUPLICATE_VALUE:Already a campaign member.:--"
        return self._write(kind, field, values)

    def _touch(self, operation: str, number: str, values: dict[str, Any]) -> str:
        """Delete or change the record of an id, which says by itself what it is."""
        for kind, held in self.records.items():
            if number in held:
                self.history.note(operation, object=kind, id=number)
                if operation == "delete":
                    del held[number]
                else:
                    held[number] |= values
                return ""
        return "ENTITY_IS_DELETED:entity is deleted:--"

    def _write(self, kind: str, field: str, values: dict[str, Any]) -> tuple[str, bool, str]:
        """Write a record by its external id ``field``; without one it is always a new one."""
        held = self.records.setdefault(kind, {})
        given = str(values.get(field))
        number = next((n for n, f in held.items() if field and str(f.get(field)) == given), "")
        is_new = not number
        if is_new:
            self._made += 1
            number = f"{PREFIXES.get(kind, 'a00')}{self._made:012}AAA"
        held[number] = held.get(number, {}) | values
        self.history.note("create" if is_new else "update", object=kind, id=number)
        return number, is_new, ""

    def _is_member(self, values: dict[str, Any]) -> bool:
        mine = [values.get(name) for name in MEMBERSHIP]
        members = self.records.get("CampaignMember", {}).values()
        return any([held.get(name) for name in MEMBERSHIP] == mine for held in members)

    def limited(self, retry_after: str) -> Answer:
        """Return Salesforce's answer to too many requests; it says of no time to wait."""
        return refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 429)

    def broken(self) -> Answer:
        """Return Salesforce's answer to trouble of its own."""
        return refused("UNKNOWN_EXCEPTION", "An unexpected error occurred.", 500)

    def state(self) -> Document:
        """Return records, jobs and history."""
        state = {"records": self.records, "jobs": self.jobs.held, "history": self.history}
        return {**state, "made": self._made}

    def restore(self, state: Document) -> None:
        """Take back what ``state`` returned."""
        self.records = state["records"]
        self.jobs.held = state["jobs"]
        self.history = History(state["history"])
        self._made = state["made"]
