"""Mailchimp: members of one audience ("list"), their tags, static segments and events.

Requires an API key in ``MAILCHIMP_TOKEN``, the audience's id in ``MAILCHIMP_LIST_ID``, and in
``MAILCHIMP_URL`` the address with the key's data centre: ``https://us21.api.mailchimp.com``.

The subscription of an existing member is never touched: no request carries ``status`` but the one
that makes a member, and Mailchimp lets that one meet nobody who is there already. New members are
``transactional``, which grants nothing, unless ``MAILCHIMP_STATUS_IF_NEW`` says ``subscribed`` or
``pending``.

A column becomes the merge field of its name in capitals (``first_name`` is ``FNAME``, ``last_name``
``LNAME``), which must exist; ``seamline check --connect --create`` makes it. Its name has at most
ten characters, so that a sync with a longer column is refused: cut, two columns could become one
field. In mode mirror, members who leave are archived. ``deletions`` removes people for good;
Mailchimp lets nobody import them again.

    exposures:
      - name: mailchimp_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_mailchimp_members')]
        config:
          meta:
            sync:
              destination: mailchimp
              object: members
              mode: upsert
              key: [person_id]
              match: [email]
              purpose: email_marketing
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import (
    ChannelObject,
    Destination,
    Limits,
    Probe,
    Setting,
)
from reverse_etl.channel.exchange import EXISTS, Conversation, Preparation, Refused, Request
from reverse_etl.channel.inspection import Inspection
from reverse_etl.channel.meaning import Meaning
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import (
    entries,
    one_by_one,
    skipped,
    without_consent_fields,
    without_repeats,
)
from reverse_etl.destinations.mailchimp.answers import WORDS, known_email
from reverse_etl.destinations.mailchimp.members import (
    add_members,
    archive_member,
    delete_member,
    put_member,
)
from reverse_etl.destinations.mailchimp.memberships import assign_members, tag_member, tell_event
from reverse_etl.destinations.mailchimp.merge_fields import LONGEST_TAG, lacking

CONSENT = ("status", "status_if_new", "marketing_permissions")
PROBE = Probe(Request("GET", "/3.0/lists/{LIST_ID}", params={"fields": "id,name"}))
# A key may have ten connections open; several syncs share them.
LIMITS = Limits(rows=500, bytes=1_000_000, requests_per_second=10, concurrency=4)
ALONE = Limits(rows=1, bytes=100_000, requests_per_second=10, concurrency=4)
EMAIL = ("email",)
MEANINGS = (
    # Under load its servers answer so, without the document that a refusal has.
    Meaning("busy", (403,), ("http_403",), "Mailchimp's servers are overloaded"),
)


class Mailchimp:
    """Mailchimp's Marketing API 3.0."""

    slug = "mailchimp"
    label = "Mailchimp"
    base_url = ""
    meanings = MEANINGS
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "API key", secret=True),
        Setting("LIST_ID", "id of the audience, in its settings"),
        Setting(
            "STATUS_IF_NEW",
            "what new members are: transactional, pending or subscribed",
            required=False,
            default="transactional",
        ),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "members",
            ("upsert", "mirror"),
            LIMITS,
            EMAIL,
            longest_name=LONGEST_TAG,
            options=("create_only",),
            no_others="Mailchimp tells who is there only by refusing to make them again",
            probe=PROBE,
        ),
        ChannelObject("segment_members", ("audience",), LIMITS, EMAIL, EMAIL, probe=PROBE),
        ChannelObject("tag_members", ("audience",), LIMITS, EMAIL, EMAIL, probe=PROBE),
        ChannelObject(
            "events", ("append",), ALONE, EMAIL, ("email", "name", "properties"), probe=PROBE
        ),
        ChannelObject("deletions", ("append",), LIMITS, EMAIL, EMAIL, probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        key = base64.b64encode(f"seamline:{settings['TOKEN']}".encode()).decode()
        return {"Authorization": f"Basic {key}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the static segment by its name, the audience's label, or create it.

        A tag is made by its first use.
        """
        name = label or audience
        if object_name == "tag_members":
            return name
        if object_name != "segment_members":
            raise Refused("not_an_audience", f"Mailchimp's {object_name} cannot hold an audience.")
        path = f"/3.0/lists/{settings['LIST_ID']}/segments"
        params = {"type": "static", "count": "1000", "fields": "segments.id,segments.name"}
        found = yield Request("GET", path, params=params)
        if not found.ok:
            raise Refused(*complaint_of(found, WORDS))
        for segment in entries(found.json(), "segments"):
            if segment.get("name") == name:
                return str(segment["id"])
        body = {"name": name, "static_segment": []}
        # Sent again after a lost answer it would make a second segment of the same name.
        created = yield Request("POST", path, json=body, repeatable=False)
        answer = created.json()
        if not created.ok or not isinstance(answer, dict) or "id" not in answer:
            raise Refused(*complaint_of(created, WORDS))
        return str(answer["id"])

    def converse(self, batch: Batch) -> Conversation:
        """Speak of members, of their segment or tag, of events or of deletions."""
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        path = f"/3.0/lists/{batch.settings['LIST_ID']}"
        if batch.object == "events":
            return verdicts + (yield from one_by_one(records, lambda r: tell_event(path, r)))
        records, repeated = without_repeats(records, known_email)
        verdicts += repeated
        if batch.object == "segment_members" and batch.audience:
            return [*verdicts, *(yield from assign_members(path, batch.audience, records))]
        if batch.object == "tag_members" and batch.audience:
            tag = batch.audience.channel_id
            return verdicts + (yield from one_by_one(records, lambda r: tag_member(path, tag, r)))
        if batch.object == "deletions":
            return verdicts + (yield from one_by_one(records, lambda r: delete_member(path, r)))
        if batch.operation == "remove":
            return verdicts + (yield from one_by_one(records, lambda r: archive_member(path, r)))
        status = batch.settings.get("STATUS_IF_NEW") or "transactional"
        if batch.operation == "add":
            added, records = yield from add_members(path, records, status)
            verdicts += added
            if batch.options.create_only:
                verdicts += [skipped(record, EXISTS) for record in records]
                records = []
        return verdicts + (yield from one_by_one(records, lambda r: put_member(path, r, status)))

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Return which columns have no merge field."""
        if object_name != "members":
            return []
        return (yield from lacking(f"/3.0/lists/{settings['LIST_ID']}", columns))


destination: Destination = Mailchimp()
