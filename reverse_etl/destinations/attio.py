"""Attio: people and companies by a unique attribute, and lists of people.

Requires an access token in ``ATTIO_TOKEN`` with the scopes ``object_configuration:read``,
``record_permission:read-write`` and, for lists, ``list_configuration:read-write`` and
``list_entry:read-write``.

People are known by ``email``, companies by ``domain``; ``first_name`` and ``last_name`` become the
person's name, and any other column the attribute of its slug. What Attio holds in an attribute with
several values is replaced. In mode mirror, records that leave are deleted.

    exposures:
      - name: attio_people
        type: application
        owner: {name: Sales, email: sales@example.com}
        depends_on: [ref('sync_attio_people')]
        config:
          meta:
            sync:
              destination: attio
              object: people
              mode: upsert
              key: [person_id]
              match: [email]
              purpose: customer_relationship
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.destination import (
    ChannelObject,
    Destination,
    Limits,
    Probe,
    Setting,
)
from reverse_etl.channel.exchange import (
    Conversation,
    Preparation,
    Refused,
    Request,
    Response,
)
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.record_by_record import (
    OPTIONS,
    Phrases,
    Step,
    Unclear,
    converse,
    expect,
    is_absent,
    must,
)
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
# 25 writes a second.
LIMITS = Limits(rows=20, bytes=500_000, requests_per_second=25)


def _probe(path: str, *needs: str) -> Probe:
    return Probe(Request("GET", path), needs=needs)


class Attio:
    """Attio's API v2."""

    slug = "attio"
    label = "Attio"
    base_url = "https://api.attio.com"
    settings: tuple[Setting, ...] = (Setting("TOKEN", "access token", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "people",
            ("upsert", "mirror"),
            LIMITS,
            ("email",),
            options=OPTIONS,
            probe=_probe("/v2/objects/people", "object_configuration:read"),
        ),
        ChannelObject(
            "companies",
            ("upsert", "mirror"),
            LIMITS,
            ("domain",),
            options=OPTIONS,
            probe=_probe("/v2/objects/companies", "object_configuration:read"),
        ),
        ChannelObject(
            "list_members",
            ("audience",),
            LIMITS,
            ("email",),
            probe=_probe("/v2/lists", "list_configuration:read"),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Accept": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the list by its name, the audience's label, or create it."""
        if object_name != "list_members":
            raise Refused("not_an_audience", f"Attio's {object_name} cannot hold an audience.")
        name = label or audience
        response = yield Request("GET", "/v2/lists")
        must(response, lambda answer: len(answer["data"]) + 1, WORDS)
        for found in entries(response.json(), "data"):
            if found.get("name") == name:
                return str(part(found, "id").get("list_id"))
        slug = re.sub(r"\W+", "_", name.lower()).strip("_")
        made = {"name": name, "api_slug": slug, "parent_object": "people"}
        access = {"workspace_access": "full-access", "workspace_member_access": []}
        # Two lists cannot have one slug: repeated after a lost answer, it would be refused.
        body = {"data": {**made, **access}}
        created = yield Request("POST", "/v2/lists", json=body, repeatable=False)
        return must(created, lambda answer: answer["data"]["id"]["list_id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Write or delete records, or put people on a list."""
        return (yield from converse(batch, COMPANIES if batch.object == "companies" else PEOPLE))


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
destination: Destination = Attio()
