"""Customer.io: people, their membership of manual segments, and events, by the Track API.

Requires a Track API key: its site id in ``CUSTOMERIO_SITE_ID`` and the key in
``CUSTOMERIO_API_KEY``. A workspace in the EU has ``CUSTOMERIO_URL=https://track-eu.customer.io``.

People are known by the column ``id``, else by ``email``; the other columns become attributes. In
mode mirror, people who leave are deleted. Segments cannot be made by this API: make a manual one in
Customer.io and name it, with the number in its address, in ``CUSTOMERIO_SEGMENTS``:
``Abandoned cart=7, Best customers=9``. Members of segments need an ``id``.

    exposures:
      - name: customerio_people
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_customerio_people')]
        config:
          meta:
            sync:
              destination: customerio
              object: people
              mode: upsert
              key: [person_id]
              match: [id]
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
from reverse_etl.channel.exchange import (
    Conversation,
    Preparation,
    Refused,
    Request,
)
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.verdicts import (
    acknowledged,
    unidentified,
    without_consent_fields,
    without_repeats,
)
from reverse_etl.destinations.customerio.batches import WORDS, send
from reverse_etl.destinations.customerio.entries import IDENTIFIERS, event, id_of, identity, person

CONSENT = ("unsubscribed", "cio_subscription_preferences")
LIMITS = Limits(rows=500, bytes=350_000, requests_per_second=100)
PROBE = Probe(Request("GET", "/api/v1/accounts/region"))


class CustomerIo:
    """Customer.io's Track API."""

    slug = "customerio"
    label = "Customer.io"
    base_url = "https://track.customer.io"
    settings: tuple[Setting, ...] = (
        Setting("SITE_ID", "site id of a Track API key"),
        Setting("API_KEY", "the Track API key", secret=True),
        Setting("SEGMENTS", "manual segments by name: Abandoned cart=7, …", required=False),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "people",
            ("upsert", "mirror"),
            LIMITS,
            IDENTIFIERS,
            no_others="the Track API writes only, and tells nobody which people were there",
            probe=PROBE,
        ),
        ChannelObject("segment_members", ("audience",), LIMITS, ("id",), probe=PROBE),
        ChannelObject(
            "events",
            ("append",),
            LIMITS,
            IDENTIFIERS,
            (*IDENTIFIERS, "name", "properties"),
            probe=PROBE,
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        key = base64.b64encode(f"{settings['SITE_ID']}:{settings['API_KEY']}".encode()).decode()
        return {"Authorization": f"Basic {key}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Return the number that the settings give for the segment."""
        yield from ()
        if object_name != "segment_members":
            raise Refused(
                "not_an_audience", f"Customer.io's {object_name} cannot hold an audience."
            )
        name = label or audience
        for entry in settings.get("SEGMENTS", "").split(","):
            known, _, number = entry.rpartition("=")
            if known.strip() == name and number.strip().isdigit():
                return number.strip()
        raise Refused(
            "unknown_segment",
            f"make a manual segment '{name}' in Customer.io and name it in the setting SEGMENTS: "
            f"'{name}=' and the number in its address.",
        )

    def converse(self, batch: Batch) -> Conversation:
        """Send a batch of people or events; members join their segment after they are known."""
        if batch.mode == "append":
            events = [(record, event(record, batch.sync)) for record in batch.records]
            return (yield from send(events))
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        records, repeated = without_repeats(records, identity, "id or e-mail address")
        verdicts += repeated
        if batch.audience is None:
            return [*verdicts, *(yield from send([(r, person(r)) for r in records]))]
        segment = f"/api/v1/segments/{batch.audience.channel_id}"
        nameless = [record for record in records if not id_of(record)]
        verdicts += [unidentified(record, "id") for record in nameless]
        members = [record for record in records if id_of(record)]
        if batch.operation != "remove":
            identified = yield from send([(record, person(record)) for record in members])
            taken = {each.key for each in identified if each.status == "acknowledged"}
            verdicts += [each for each in identified if each.key not in taken]
            members = [record for record in members if record.key in taken]
        if members:
            how = "remove_customers" if batch.operation == "remove" else "add_customers"
            body = {"ids": [id_of(record) for record in members]}
            response = yield Request("POST", f"{segment}/{how}", json=body)
            if not response.is_done:
                return verdicts + refusal(members, response, WORDS)
            verdicts += acknowledged(members)
        return verdicts


destination: Destination = CustomerIo()
