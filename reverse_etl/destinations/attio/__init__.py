"""Attio: people and companies by a unique attribute, and lists of people.

Requires an access token in ``ATTIO_TOKEN`` with the scopes ``object_configuration:read``,
``record_permission:read-write`` and, for lists, ``list_configuration:read-write`` and
``list_entry:read-write``.

People are known by ``email``, companies by ``domain``; ``first_name`` and ``last_name`` become the
person's name, and any other column the attribute of its slug. ``seamline check --connect --create``
makes those that are missing, with the scope ``object_configuration:read-write``. What Attio holds
in an attribute with several values is replaced. In mode mirror, records that leave are deleted.

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

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import (
    ChannelObject,
    Destination,
    Limits,
    Probe,
    Setting,
)
from reverse_etl.channel.exchange import Conversation, Preparation, Refused, Request
from reverse_etl.channel.inspection import Granted, Inspection
from reverse_etl.conversation.record_by_record import OPTIONS, converse, must
from reverse_etl.conversation.verdicts import entries, part
from reverse_etl.destinations.attio.attributes import lacking
from reverse_etl.destinations.attio.records import COMPANIES, NAME, PEOPLE, WORDS

# 25 writes a second.
LIMITS = Limits(rows=20, bytes=500_000, requests_per_second=25)


RECORDS = ("object_configuration:read", "record_permission:read-write")
LISTS = ("list_configuration:read-write", "list_entry:read-write")


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
            probe=_probe("/v2/objects/people", *RECORDS),
        ),
        ChannelObject(
            "companies",
            ("upsert", "mirror"),
            LIMITS,
            ("domain",),
            options=OPTIONS,
            probe=_probe("/v2/objects/companies", *RECORDS),
        ),
        ChannelObject(
            "list_members",
            ("audience",),
            LIMITS,
            ("email",),
            probe=_probe("/v2/lists", *RECORDS, *LISTS),
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

    def scopes(self, settings: Mapping[str, str]) -> Granted:
        """Return what the token was granted."""
        response = yield Request("GET", "/v2/self")
        found = part({"answer": response.json()}, "answer").get("scope")
        if not response.ok or not isinstance(found, str):
            raise Refused("no_scopes", "Attio does not tell the scopes of this token.")
        return found.split()

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Return which columns are no attribute; those that become the name or address are."""
        kind = "companies" if object_name == "companies" else "people"
        ours = ("domain",) if kind == "companies" else ("email", *NAME)
        others = {name: type_ for name, type_ in columns.items() if name not in ours}
        return (yield from lacking(kind, others))


destination: Destination = Attio()
