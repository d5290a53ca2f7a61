"""HubSpot: contacts, companies and deals in batches, static lists, and deletions for good.

Requires a private app, whose access token goes into ``HUBSPOT_TOKEN``, with the scopes
``crm.objects.contacts.write`` (or ``companies``, ``deals``), for lists ``crm.lists.read`` and
``crm.lists.write``. A column is written to the property of its internal name, which must exist.

Contacts are found by their e-mail address; companies and deals by the property that ``match``
names, one with unique values. In mode mirror, records that leave are archived, which HubSpot can
undo for 90 days. ``deletions`` deletes contacts for good, as the GDPR asks for. With
``update_only``, ``create_only`` or ``keep_edits`` each batch is read before it is written.

    exposures:
      - name: hubspot_contacts
        type: application
        owner: {name: CRM team, email: crm@example.com}
        depends_on: [ref('sync_hubspot_contacts')]
        config:
          meta:
            sync:
              destination: hubspot
              object: contacts
              mode: upsert
              key: [person_id]
              match: [email]
              purpose: customer_relationship
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Audience, Batch, Option
from reverse_etl.channel.destination import (
    ChannelObject,
    Destination,
    Limits,
    Probe,
    Setting,
)
from reverse_etl.channel.exchange import (
    Conversation,
    Found,
    Listing,
    Page,
    Preparation,
    Refused,
    Request,
)
from reverse_etl.channel.inspection import Granted, Inspection
from reverse_etl.conversation.edits import is_same
from reverse_etl.conversation.verdicts import (
    entries,
    part,
    rejected,
    without_consent_fields,
    without_repeats,
)
from reverse_etl.destinations.hubspot.crm_objects import CrmObjects, property_value
from reverse_etl.destinations.hubspot.deletions import erase
from reverse_etl.destinations.hubspot.properties import lacking
from reverse_etl.destinations.hubspot.static_lists import find_or_create, join, leave

# Consent is HubSpot's to keep: a sync that wrote these could opt people in again.
CONSENT_PROPERTIES = ("hs_email_optout", "hs_emailconfirmationstatus", "hs_legal_basis")
TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"
# 190 requests per 10 seconds is what private apps of paid accounts may send.
LIMITS = Limits(rows=100, bytes=3_000_000, requests_per_second=19)
OPTIONS: tuple[Option, ...] = ("update_only", "create_only", "keep_edits")


def _scopes_of(name: str) -> tuple[str, str]:
    return f"crm.objects.{name}.read", f"crm.objects.{name}.write"


def _probe(name: str) -> Probe:
    return Probe(
        Request("GET", f"/crm/v3/objects/{name}", params={"limit": "1"}),
        needs=_scopes_of(name),
    )


class HubSpot:
    """HubSpot's CRM API v3."""

    slug = "hubspot"
    label = "HubSpot"
    base_url = "https://api.hubapi.com"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token of a private app", secret=True),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts",
            modes=("upsert", "mirror"),
            limits=LIMITS,
            match=("email",),
            options=OPTIONS,
            lists=True,
            merges=True,
            probe=_probe("contacts"),
        ),
        *(
            ChannelObject(
                name,
                modes=("upsert", "mirror"),
                limits=LIMITS,
                options=OPTIONS,
                lists=True,
                merges=True,
                probe=_probe(name),
            )
            for name in ("companies", "deals")
        ),
        ChannelObject(
            "list_members",
            modes=("audience",),
            limits=LIMITS,
            match=("email",),
            probe=Probe(
                Request("GET", "/crm/v3/lists/", params={"listIds": "0"}),
                needs=("crm.lists.read", "crm.lists.write", *_scopes_of("contacts")),
            ),
        ),
        ChannelObject(
            "deletions",
            modes=("append",),
            limits=LIMITS,
            match=("email",),
            fields=("email",),
            probe=_probe("contacts"),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Accept": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the static list by its name, the audience's label, or create it."""
        if object_name != "list_members":
            raise Refused("not_an_audience", f"HubSpot's {object_name} cannot hold an audience.")
        return (yield from find_or_create(label or audience))

    def scopes(self, settings: Mapping[str, str]) -> Granted:
        """Return what the token's private app was granted."""
        response = yield Request("POST", TOKEN_INFO, json={"tokenKey": settings["TOKEN"]})
        found = part({"answer": response.json()}, "answer").get("scopes")
        if not response.ok or not isinstance(found, list):
            raise Refused("no_scopes", "HubSpot tells the scopes of private apps alone.")
        return [str(each) for each in found]

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Name the columns that are no properties; members of lists are contacts."""
        kind = object_name if object_name in ("companies", "deals") else "contacts"
        return (yield from lacking(kind, columns))

    def converse(self, batch: Batch) -> Conversation:
        """Upsert, archive, merge, put on a list or delete; answers are found by their trace id."""
        if batch.object == "deletions":
            return (yield from erase(batch.records))
        kind = "contacts" if batch.object == "list_members" else batch.object
        identity = "email" if kind == "contacts" else next(iter(batch.match), "")
        objects = CrmObjects(kind, identity)
        if batch.operation == "merge":
            return (yield from objects.merge(batch.records))
        if not identity:
            reason = "Name in 'match' the property with unique values by which HubSpot finds it."
            return [rejected(each, "no_unique_property", reason) for each in batch.records]
        return (yield from _keep_up(batch, objects))

    def list_page(
        self,
        object_name: str,
        columns: Sequence[str],
        audience: Audience | None,
        cursor: str,
        settings: Mapping[str, str],
    ) -> Listing:
        """Return a hundred records."""
        first = ["email"] if object_name == "contacts" else []
        names = ",".join(dict.fromkeys([*first, *columns]))
        params = {"limit": "100", "properties": names} | ({"after": cursor} if cursor else {})
        response = yield Request("GET", f"/crm/v3/objects/{object_name}", params=params)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict):
            raise Refused(f"http_{response.status}", f"HubSpot does not list its {object_name}.")
        following = part(part(answer, "paging"), "next").get("after")
        return Page(
            [
                Found(str(contact.get("id")), part(contact, "properties"))
                for contact in entries(answer, "results")
            ],
            str(following or ""),
        )

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a property shows our value; HubSpot writes addresses in small letters."""
        if column == "email":
            return str(ours or "").strip().lower() == str(theirs or "").strip().lower()
        return is_same(ours, theirs, property_value)


def _keep_up(batch: Batch, objects: CrmObjects) -> Conversation:
    """Write, archive, put on a list or take off it what may be sent of a batch."""
    records, verdicts = without_consent_fields(batch.records, CONSENT_PROPERTIES)
    leaving = batch.operation == "remove"
    # Who leaves and is known by HubSpot's own id needs no other.
    named = [record for record in records if leaving and record.channel_id]
    rest = [record for record in records if not (leaving and record.channel_id)]
    known, unknown = without_repeats(rest, objects.address, objects.what)
    sendable = [*named, *known]
    verdicts += unknown
    if not sendable:
        return verdicts
    if batch.audience:
        how = leave if leaving else join
        return verdicts + (yield from how(batch.audience.channel_id, objects, sendable))
    if leaving:
        return verdicts + (yield from objects.archive(sendable))
    return verdicts + (yield from objects.upsert(sendable, batch.options))


destination: Destination = HubSpot()
