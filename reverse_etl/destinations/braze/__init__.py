"""Braze: users with their attributes, audiences, events and purchases, by ``external_id``.

Requires a REST API key with the permissions ``users.track`` and, for removals, ``users.delete``, in
``BRAZE_TOKEN``, and the REST endpoint of the account's instance in ``BRAZE_URL``. A key that may
``users.external_ids.rename`` lets a user keep its history where its id changes.

``users`` writes every column as an attribute of that name; in mode mirror, users who leave are
deleted. ``audience_members`` keeps the labels of somebody's audiences in one array attribute,
``audiences`` unless ``BRAZE_AUDIENCE_ATTRIBUTE`` says otherwise: a segment in Braze filters on it.
Braze's partners fill cohorts instead, with ``cohort_members`` and the settings ``BRAZE_PARTNER``,
``BRAZE_PARTNER_KEY`` and ``BRAZE_CLIENT_SECRET``.
``events`` and ``purchases`` are told once, because Braze does not recognise a repetition.

Where an account takes fewer than 75 objects a request, the sync says so: ``limits: {rows: …}``.

    exposures:
      - name: braze_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_braze_audience_members')]
        config:
          meta:
            sync:
              destination: braze
              object: audience_members
              mode: audience
              key: [person_id]
              match: [external_id]
              purpose: email_marketing
"""

from __future__ import annotations

from collections.abc import Mapping
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
    Verdict,
)
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.instants import iso
from reverse_etl.conversation.verdicts import (
    document_of,
    rejected,
    unidentified,
    without_consent_fields,
    without_repeats,
)
from reverse_etl.destinations.braze.answers import is_taken, read_verdicts
from reverse_etl.destinations.braze.cohorts import change_cohort, make_cohort
from reverse_etl.destinations.braze.users import (
    ID,
    attributes,
    delete,
    own_id,
    rename,
    sent_id,
    without_label,
)

TRACK = "/users/track"
CONSENT = ("email_subscribe", "push_subscribe", "subscription_groups")
# An empty body is refused with a 400, but only for whom Braze knows and lets track.
PROBE = Probe(Request("POST", TRACK, json={}), needs=("users.track",), passes=(400,))
# 3,000 requests in 3 seconds.
LIMITS = Limits(rows=75, bytes=1_000_000, requests_per_second=1_000)


class Braze:
    """Braze's user data endpoints."""

    slug = "braze"
    label = "Braze"
    base_url = ""
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "REST API key", secret=True),
        Setting(
            "AUDIENCE_ATTRIBUTE", "array attribute that names audiences", False, False, "audiences"
        ),
        Setting("PARTNER", "a partner's name, in the address of its cohorts", required=False),
        Setting("PARTNER_KEY", "the partner's API key", secret=True, required=False),
        Setting("CLIENT_SECRET", "what lets a partner in", secret=True, required=False),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "users",
            ("upsert", "mirror"),
            LIMITS,
            (ID,),
            no_others="Braze queues a batch, and tells nobody which users were there",
            probe=PROBE,
        ),
        ChannelObject("audience_members", ("audience",), LIMITS, (ID,), probe=PROBE),
        ChannelObject("cohort_members", ("audience",), LIMITS, (ID,), (ID,)),
        ChannelObject(
            "events", ("append",), LIMITS, (ID,), (ID, "name", "properties"), probe=PROBE
        ),
        ChannelObject(
            "purchases",
            ("append",),
            LIMITS,
            (ID,),
            (ID, "product_id", "currency", "price", "quantity", "properties"),
            probe=PROBE,
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Return the label, since an attribute's value needs no making; or make a cohort."""
        if object_name == "cohort_members":
            return (yield from make_cohort(audience, label, settings))
        if object_name != "audience_members":
            raise Refused("not_an_audience", f"Braze's {object_name} cannot hold an audience.")
        return label or audience

    def converse(self, batch: Batch) -> Conversation:
        """Track a batch, or delete users."""
        if batch.mode == "append":
            return (yield from _tell(batch))
        if batch.operation == "remove" and batch.audience is None:
            return (yield from delete(batch.records))
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        leaving = batch.operation == "remove"
        records, repeated = without_repeats(records, sent_id if leaving else own_id, ID)
        verdicts += repeated
        if batch.object == "cohort_members" and batch.audience:
            said = yield from change_cohort(records, batch.audience, batch.settings)
            return [*verdicts, *said]
        moved = [] if leaving else [r for r in records if sent_id(r) not in ("", own_id(r))]
        notes: dict[str, Verdict] = {}
        if batch.audience is None:
            notes = yield from rename(moved)
            verdicts += [verdict for verdict in notes.values() if verdict.status == "retry"]
            stuck = {verdict.key for verdict in verdicts}
            records = [record for record in records if record.key not in stuck]
            objects = [attributes(record) for record in records]
        else:
            name = batch.settings.get("AUDIENCE_ATTRIBUTE") or "audiences"
            label = batch.audience.channel_id
            left = [without_label(sent_id(record), name, label) for record in moved]
            if left:
                response = yield Request("POST", TRACK, json={"attributes": left})
                if not is_taken(response):
                    return verdicts + refusal(records, response)
            objects = [
                without_label(sent_id(record), name, label)
                if leaving
                else {**attributes(record), name: {"add": [label]}}
                for record in records
            ]
        if not records:
            return verdicts
        response = yield Request("POST", TRACK, json={"attributes": objects})
        found = read_verdicts(records, response, "attributes")
        return verdicts + [
            notes.get(verdict.key, verdict) if verdict.status == "acknowledged" else verdict
            for verdict in found
        ]


def _tell(batch: Batch) -> Conversation:
    """Send events or purchases, once."""
    told: list[Record] = []
    objects: list[dict[str, Any]] = []
    verdicts: list[Verdict] = []
    for record in batch.records:
        if not own_id(record):
            verdicts.append(unidentified(record, ID))
            continue
        try:
            properties = document_of(record.fields.get("properties"))
        except ValueError as error:
            reason = f"Its column 'properties' {error}."
            verdicts.append(rejected(record, "bad_properties", reason, is_permanent=True))
            continue
        entry = {n: v for n, v in record.fields.items() if n != "properties" and v is not None}
        entry["time"] = iso(record.occurred_at)
        if properties:
            entry["properties"] = properties
        told.append(record)
        objects.append({name: value for name, value in entry.items() if value is not None})
    if not told:
        return verdicts
    response = yield Request("POST", TRACK, json={batch.object: objects}, repeatable=False)
    return verdicts + read_verdicts(told, response, batch.object)


destination: Destination = Braze()
