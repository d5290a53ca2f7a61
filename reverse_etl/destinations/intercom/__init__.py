"""Intercom: contacts by ``external_id``, tagged with the labels of their audiences, and events.

Requires an access token in ``INTERCOM_TOKEN``. Workspaces in the EU and Australia have addresses of
their own: ``INTERCOM_URL=https://api.eu.intercom.io`` or ``https://api.au.intercom.io``.

Contacts are users, looked up by their external id and never by search, which does not know the new
ones for minutes. Columns that are no fields of every contact are custom attributes, which must
exist; ``seamline check --connect --create`` makes them. In mode mirror, contacts who leave are
deleted.

    exposures:
      - name: intercom_contacts
        type: application
        owner: {name: Support, email: support@example.com}
        depends_on: [ref('sync_intercom_contacts')]
        config:
          meta:
            sync:
              destination: intercom
              object: contacts
              mode: upsert
              key: [person_id]
              match: [external_id]
              purpose: customer_relationship
"""

from __future__ import annotations

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
from reverse_etl.channel.inspection import Inspection
from reverse_etl.conversation.record_by_record import OPTIONS, converse, must
from reverse_etl.conversation.verdicts import one_by_one
from reverse_etl.destinations.intercom.attributes import lacking
from reverse_etl.destinations.intercom.contacts import ID, PHRASES, WORDS
from reverse_etl.destinations.intercom.events import tell

PROBE = Probe(Request("GET", "/me"))
# 10,000 a minute for an app.
LIMITS = Limits(rows=20, bytes=500_000, requests_per_second=160)


class Intercom:
    """Intercom's REST API."""

    slug = "intercom"
    label = "Intercom"
    base_url = "https://api.intercom.io"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token of an app", secret=True),
        Setting("VERSION", "API version", required=False, default="2.16"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts", ("upsert", "mirror"), LIMITS, (ID,), options=OPTIONS, probe=PROBE
        ),
        ChannelObject("tag_members", ("audience",), LIMITS, (ID,), probe=PROBE),
        ChannelObject(
            "events", ("append",), LIMITS, (ID,), (ID, "name", "properties"), probe=PROBE
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {
            "Authorization": f"Bearer {settings['TOKEN']}",
            "Intercom-Version": settings.get("VERSION") or "2.16",
            "Accept": "application/json",
        }

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find or make the tag; one request does either."""
        if object_name != "tag_members":
            raise Refused("not_an_audience", f"Intercom's {object_name} cannot hold an audience.")
        response = yield Request("POST", "/tags", json={"name": label or audience})
        return must(response, lambda answer: answer["id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Write, tag or delete contacts, or tell events."""
        if batch.mode == "append":
            return (yield from one_by_one(batch.records, tell))
        return (yield from converse(batch, PHRASES))

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Return which columns are no custom attributes yet."""
        if object_name == "events":
            return []
        return (yield from lacking(columns))


destination: Destination = Intercom()
