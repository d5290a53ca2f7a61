"""ActiveCampaign: contacts by e-mail address, tagged with the labels of their audiences.

Requires an API key in ``ACTIVECAMPAIGN_TOKEN`` and the account's address in ``ACTIVECAMPAIGN_URL``:
``https://example.api-us1.com``.

Audiences are tags, not lists: being put on a list of ActiveCampaign's subscribes somebody, even one
who had unsubscribed. Other columns than ``email``, ``first_name``, ``last_name`` and ``phone`` are
custom fields by their personalization tags, the column's name in capitals. They must exist;
``seamline check --connect --create`` makes them, for contacts of all lists. Before a batch,
ActiveCampaign is asked for their numbers. In mode mirror, contacts who leave are deleted.

    exposures:
      - name: activecampaign_contacts
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_activecampaign_contacts')]
        config:
          meta:
            sync:
              destination: activecampaign
              object: contacts
              mode: upsert
              key: [person_id]
              match: [email]
              purpose: email_marketing
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
from reverse_etl.channel.exchange import (
    Conversation,
    Preparation,
    Refused,
    Request,
    Response,
)
from reverse_etl.channel.inspection import Inspection
from reverse_etl.channel.meaning import Meaning
from reverse_etl.conversation.columns import unknown_fields
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.record_by_record import OPTIONS, converse, must
from reverse_etl.conversation.verdicts import entries
from reverse_etl.destinations.activecampaign.contacts import API, NAMES, WORDS, phrases
from reverse_etl.destinations.activecampaign.fields import lacking, numbers

PROBE = Probe(Request("GET", f"{API}/contacts", params={"limit": "1"}))
# Five a second for an account, over all its keys.
LIMITS = Limits(rows=20, bytes=400_000, requests_per_second=5, concurrency=2)
MEANINGS = (Meaning("unknown", (403,)),)  # there is no 401


class ActiveCampaign:
    """ActiveCampaign's API v3."""

    slug = "activecampaign"
    label = "ActiveCampaign"
    base_url = ""
    meanings = MEANINGS
    settings: tuple[Setting, ...] = (Setting("TOKEN", "API key", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts",
            ("upsert", "mirror"),
            LIMITS,
            ("email",),
            options=OPTIONS,
            probe=PROBE,
        ),
        ChannelObject("tag_members", ("audience",), LIMITS, ("email",), probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Api-Token": settings["TOKEN"], "Accept": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the tag by its name, the audience's label, or create it."""
        if object_name != "tag_members":
            raise Refused(
                "not_an_audience", f"ActiveCampaign's {object_name} cannot hold an audience."
            )
        name = label or audience
        response = yield Request("GET", f"{API}/tags", params={"search": name, "limit": "100"})
        must(response, lambda answer: len(answer["tags"]) + 1, WORDS)
        for found in entries(response.json(), "tags"):
            if found.get("tag") == name:
                return str(found["id"])
        body = {"tag": {"tag": name, "tagType": "contact", "description": "An audience"}}
        # Sent again after a lost answer it might make a second tag of the same name.
        created = yield Request("POST", f"{API}/tags", json=body, repeatable=False)
        return must(created, lambda answer: answer["tag"]["id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Write, tag or delete contacts."""
        written = [] if batch.operation == "remove" else batch.records
        names = {name for record in written for name in record.fields if name not in NAMES}
        known = (yield from numbers()) if names else {}
        if isinstance(known, Response):
            return refusal(batch.records, known, WORDS)
        if lost := sorted(name for name in names if name.upper() not in known):
            return unknown_fields(batch.records, lost, self.label)
        return (yield from converse(batch, phrases(known)))

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Return which columns are no custom fields yet."""
        return (yield from lacking(columns))


destination: Destination = ActiveCampaign()
