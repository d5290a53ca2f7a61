"""Salesforce: records of any object, by an external id; members of campaigns.

Requires the instance's address in ``SALESFORCE_URL`` (``https://example.my.salesforce.com``) and
the scope ``api``, by a refresh token or an access token in ``SALESFORCE_TOKEN``. The sync's one
match column is the object's external id field. Columns are the object's fields, in its own
spelling; a null clears the field. Fields that opt people in or out are not written. An audience
is a campaign of its label's name; members need ``ContactId`` or ``LeadId``, and may have a
``Status``. Who was a member before we came is not removed.

    exposures:
      - name: salesforce_contacts
        type: application
        owner: {name: Sales, email: sales@example.com}
        depends_on: [ref('sync_salesforce_contacts')]
        config:
          meta:
            sync:
              destination: salesforce
              object: Contact
              mode: mirror
              key: [person_id]
              match: [Person_Id__c]
              purpose: service

Batches of up to 2,000 records go through sObject Collections, 200 a request, with an answer for
each record; larger ones through one job of Bulk API 2.0 each, which is polled, and whose
successful, failed and unprocessed records are read.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from dataclasses import replace
from typing import Any

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
    Verdict,
)
from reverse_etl.channel.inspection import Inspection
from reverse_etl.channel.oauth import OAuth
from reverse_etl.conversation.edits import choose, with_kept
from reverse_etl.conversation.verdicts import (
    rejected,
    text_of,
    without_consent_fields,
    without_repeats,
)
from reverse_etl.destinations.salesforce.answers import MEANINGS
from reverse_etl.destinations.salesforce.bulk import run_job
from reverse_etl.destinations.salesforce.campaigns import MEMBER_IDS, find_or_create, join
from reverse_etl.destinations.salesforce.presence import look_up, shown
from reverse_etl.destinations.salesforce.schema import lacking
from reverse_etl.destinations.salesforce.sobject_collections import delete, untold, upsert

LARGEST_IN_COLLECTIONS = 2_000
OPT_OUTS = ("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")
LIMITS = Limits(rows=50_000, bytes=20_000_000, requests_per_second=10, concurrency=4)


def _version(settings: Mapping[str, str]) -> str:
    return f"/services/data/{settings.get('VERSION') or 'v62.0'}"


class Salesforce:
    """Salesforce's REST API and its Bulk API 2.0."""

    slug = "salesforce"
    label = "Salesforce"
    base_url = ""
    meanings = MEANINGS
    oauth = OAuth(token_url="https://login.salesforce.com/services/oauth2/token", scope="api")
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token with the scope api", secret=True, required=False),
        Setting("VERSION", "API version", required=False, default="v62.0"),
    )
    # What any object can do that the organisation has, in Salesforce's spelling: Account, My__c.
    any_object = ChannelObject(
        "Contact",
        modes=("upsert", "mirror"),
        limits=LIMITS,
        options=("update_only", "create_only", "keep_edits"),
        probe=Probe(Request("GET", "/services/data/{VERSION}/limits"), needs=("the scope api",)),
    )
    objects: tuple[ChannelObject, ...] = (
        any_object,
        ChannelObject(
            "CampaignMember",
            modes=("audience",),
            limits=replace(LIMITS, rows=LARGEST_IN_COLLECTIONS),
            match=MEMBER_IDS,
            fields=(*MEMBER_IDS, "Status"),
            probe=any_object.probe,
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the campaign by its name, the audience's label, or create it."""
        if object_name != "CampaignMember":
            raise Refused("not_an_audience", f"Salesforce {object_name} cannot hold an audience.")
        return (yield from find_or_create(_version(settings), (label or audience)[:80]))

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Name the columns that are no fields of the object, or may not be written."""
        return (yield from lacking(_version(settings), object_name, columns))

    def converse(self, batch: Batch) -> Conversation:
        """Upsert or delete records, or change who is a member of a campaign."""
        if batch.operation == "remove":
            return (yield from _remove(batch))
        if batch.audience is not None:
            return (yield from join(batch, _version(batch.settings), batch.audience.channel_id))
        if len(batch.match) != 1:
            reason = "The sync must name one match column, the external id field of the object."
            raise Refused("no_external_id_field", reason)
        return (yield from _write(batch, batch.match[0]))


def _write(batch: Batch, field: str) -> Generator[Request, Response, list[Verdict]]:
    """Upsert records by the external id ``field``, but for those that the options leave alone."""
    version = _version(batch.settings)
    allowed, held = without_consent_fields(batch.records, OPT_OUTS)
    chosen, verdicts = without_repeats(allowed, lambda r: text_of(r.fields, field), field)
    verdicts += held
    kept: dict[str, list[str]] = {}
    if batch.options.chosen and chosen:
        names = batch.options.keep_edits
        there = yield from look_up(version, batch.object, field, names, chosen)
        if isinstance(there, Response):
            return verdicts + untold(chosen, there)
        chosen, kept, left = choose(
            chosen, lambda r: there.get(text_of(r.fields, field).lower()), batch.options, shown
        )
        verdicts += left
    rows = {r.key: _without(r.fields, kept.get(r.key, ())) for r in chosen}
    if len(chosen) > LARGEST_IN_COLLECTIONS:
        found = {text_of(record.fields, field): record for record in chosen}
        fields = list(rows.values())
        written = yield from run_job(batch, version, found, fields, field)
    else:
        written = yield from upsert(version, batch.object, chosen, rows, field)
    return verdicts + [with_kept(each, kept.get(each.key, [])) for each in written]


def _without(fields: Mapping[str, Any], kept: Collection[str]) -> Mapping[str, Any]:
    return {name: value for name, value in fields.items() if name not in kept} if kept else fields


def _remove(batch: Batch) -> Generator[Request, Response, list[Verdict]]:
    """Delete the records whose Salesforce id is known."""
    version = _version(batch.settings)
    reason = "Its id at Salesforce is not known, so that it cannot be deleted."
    unknown = [record for record in batch.records if not record.channel_id]
    verdicts = [rejected(record, "unknown_id", reason) for record in unknown]
    sendable = [record for record in batch.records if record.channel_id]
    if len(sendable) <= LARGEST_IN_COLLECTIONS:
        return verdicts + (yield from delete(version, sendable))
    ids = {str(record.channel_id): record for record in sendable}
    rows = [{"Id": record.channel_id} for record in sendable]
    return verdicts + (yield from run_job(batch, version, ids, rows))


destination: Destination = Salesforce()
