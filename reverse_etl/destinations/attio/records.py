"""Attio's records: known by a unique attribute, written, deleted, put on lists and taken off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.record_by_record import Phrases, Step, Unclear, expect, is_absent
from reverse_etl.conversation.verdicts import entries, part, text_of

NAME = ("first_name", "last_name")
WORDS = {
    "validation_type": "A value does not fit its attribute",
    "value_not_found": "Attio does not know a value",
    "uniqueness_conflict": "Another record has this value, which must be unique",
    "multiple_match_results": "Several records have this value; merge them in Attio",
    "concurrent_write_conflict": "Somebody else is writing this record",
    "not_found": "Attio knows no such record",
}
BUSY = "concurrent_write_conflict"


@dataclass(frozen=True)
class Kind:
    """Records of one object, known by our ``column``, which is Attio's ``attribute``."""

    name: str
    column: str
    attribute: str

    @property
    def path(self) -> str:
        """Where they live."""
        return f"/v2/objects/{self.name}/records"

    def identity(self, record: Record) -> str:
        """Return what the record is known by."""
        return text_of(record.fields, self.column).lower()

    def sent_identity(self, record: Record) -> str:
        """Return what it was known by when it was sent last."""
        return text_of(record.sent_match, self.column).lower() or self.identity(record)

    def values(self, record: Record) -> dict[str, Any]:
        """Return the attributes; what is empty clears on a change, and is left out on an add."""
        values: dict[str, Any] = {self.attribute: [self.identity(record)]}
        if self.name == "people" and any(record.fields.get(name) for name in NAME):
            first, last = (text_of(record.fields, name) for name in NAME)
            full = f"{first} {last}".strip()
            values["name"] = [{"first_name": first, "last_name": last, "full_name": full}]
        taken = (self.column, *(NAME if self.name == "people" else ()))
        for name, value in record.fields.items():
            if name not in taken and (value is not None or record.operation == "change"):
                values[name] = [] if value is None else value
        return values

    def find(self, record: Record) -> Step[str]:
        """Look a record up by what it was sent with."""
        body = {"filter": {self.attribute: self.sent_identity(record)}, "limit": 1}
        response = yield Request("POST", f"{self.path}/query", json=body)
        found = entries(response.json(), "data")
        if response.ok and found:
            return str(part(found[0], "id").get("record_id") or "")
        expect(response, lambda answer: len(answer["data"]) + 1, WORDS)
        return ""

    def write(self, record: Record) -> Step[str]:
        """Write by the unique attribute; one whose attribute changes, by the id we were told."""
        body = {"data": {"values": self.values(record)}}
        if record.channel_id and self.sent_identity(record) != self.identity(record):
            path = f"{self.path}/{record.channel_id}"
            return _record_id((yield Request("PUT", path, json=body)))
        params = {"matching_attribute": self.attribute}
        return _record_id((yield Request("PUT", self.path, params=params, json=body)))

    def delete(self, record_id: str) -> Step[None]:
        """Delete a record."""
        response = yield Request("DELETE", f"{self.path}/{record_id}")
        _be_gone(response)

    def join(self, record_id: str, list_id: str) -> Step[None]:
        """Put a record on a list, once."""
        entry = {"parent_record_id": record_id, "parent_object": self.name, "entry_values": {}}
        path = f"/v2/lists/{list_id}/entries"
        response = yield Request("PUT", path, json={"data": entry})
        expect(response, lambda answer: answer["data"]["id"]["entry_id"], WORDS)

    def leave(self, record_id: str, list_id: str) -> Step[None]:
        """Take a record off a list: its entry there has an id of its own."""
        response = yield Request("GET", f"{self.path}/{record_id}/entries")
        if is_absent(response):
            return
        expect(response, lambda answer: len(answer["data"]) + 1, WORDS)
        for entry in entries(response.json(), "data"):
            if entry.get("list_id") == list_id:
                path = f"/v2/lists/{list_id}/entries/{entry['entry_id']}"
                _be_gone((yield Request("DELETE", path)))

    def phrases(self) -> Phrases:
        """Return how Attio is asked for these."""
        return Phrases(
            identity=self.identity,
            sent_identity=self.sent_identity,
            what="e-mail address" if self.column == "email" else self.column,
            find=self.find,
            write=self.write,
            delete=self.delete,
            join=self.join,
            leave=self.leave,
        )


def _record_id(response: Response) -> str:
    if complaint_of(response)[0] == BUSY:
        raise Unclear(BUSY, f"{WORDS[BUSY]}.")
    return expect(response, lambda answer: answer["data"]["id"]["record_id"], WORDS)


def _be_gone(response: Response) -> None:
    if not is_absent(response):
        expect(response, lambda answer: len({**answer}) + 1, WORDS)


PEOPLE = Kind("people", "email", "email_addresses").phrases()
COMPANIES = Kind("companies", "domain", "domains").phrases()
