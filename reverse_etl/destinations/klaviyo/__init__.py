"""Klaviyo: profiles by bulk import, into one list per audience or none; events; deletions.

Requires a private API key with the scopes ``lists:read``, ``lists:write``, ``profiles:read`` and
``profiles:write`` in ``KLAVIYO_TOKEN``; for events and deletions ``events:write`` and
``data-privacy:write``. The column ``properties`` holds a JSON object that becomes the profile's
custom properties, for example the contents of a cart.

Being on a list grants no consent, and leaving one takes none away: this destination calls neither
the subscribe nor the unsubscribe endpoints, which can re-subscribe someone who had left, or
unsubscribe someone everywhere.

    exposures:
      - name: klaviyo_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_klaviyo_audience_members')]
        config:
          meta:
            sync:
              destination: klaviyo
              object: list_members
              mode: audience
              key: [person_id]
              match: [email]
              purpose: email_marketing
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Audience, Batch
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
    Request,
)
from reverse_etl.conversation.edits import is_same, with_kept
from reverse_etl.conversation.json_api import must, next_cursor
from reverse_etl.conversation.verdicts import email_of, entries, part, without_repeats
from reverse_etl.destinations.klaviyo import deletions, events
from reverse_etl.destinations.klaviyo.answers import WORDS
from reverse_etl.destinations.klaviyo.imports import import_profiles
from reverse_etl.destinations.klaviyo.lists import LISTS, find_list, remove
from reverse_etl.destinations.klaviyo.profiles import (
    ATTRIBUTES,
    PROFILES,
    former,
    look,
    sent_email,
)

# What lists and profiles have in common. An import takes 10,000 profiles and 5 MB; the margin is
# JSON:API's wrapping. Ten a second may come at once, and 150 in a minute. Klaviyo counts each of
# its addresses by itself.
PROFILE: dict[str, Any] = {
    "limits": Limits(
        rows=10_000,
        bytes=3_500_000,
        requests_per_second=10,
        requests_per_minute=150,
        concurrency=4,
        group="profiles",
    ),
    "match": ("email",),
    "fields": (*ATTRIBUTES, "properties"),
    "composite": ("properties",),
    "lists": True,
    "probe": Probe(
        Request("GET", PROFILES, params={"page[size]": "1"}),
        needs=("profiles:read", "profiles:write"),
    ),
}


class Klaviyo:
    """Klaviyo's JSON:API."""

    slug = "klaviyo"
    label = "Klaviyo"
    base_url = "https://a.klaviyo.com"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "private API key (pk_…)", secret=True),
        Setting("REVISION", "API revision", required=False, default="2026-07-15"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject("list_members", modes=("audience",), options=("keep_edits",), **PROFILE),
        ChannelObject(
            "profiles",
            modes=("upsert",),
            options=("update_only", "create_only", "keep_edits"),
            **PROFILE,
        ),
        ChannelObject(
            "events",
            modes=("append",),
            limits=Limits(rows=20, bytes=1_000_000, requests_per_second=50, group="events"),
            match=("email",),
            fields=events.FIELDS,
            probe=Probe(Request("GET", "/api/metrics"), needs=("metrics:read", "events:write")),
        ),
        ChannelObject(
            "deletions",
            modes=("append",),
            limits=Limits(
                rows=20,
                bytes=100_000,
                requests_per_second=3,
                requests_per_minute=60,
                concurrency=1,
                group="deletions",
            ),
            match=("email",),
            fields=("email",),
            probe=Probe(
                Request("GET", PROFILES, params={"page[size]": "1"}), needs=("data-privacy:write",)
            ),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {
            "Authorization": f"Klaviyo-API-Key {settings['TOKEN']}",
            "revision": settings.get("REVISION") or "2026-07-15",
            "Accept": "application/vnd.api+json",
            "Content-Type": "application/vnd.api+json",
        }

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the list by its name, the audience's label, or create it."""
        name = label or audience
        known = yield from find_list(name)
        if known:
            return known
        body = {"data": {"type": "list", "attributes": {"name": name}}}
        # Sent again after a lost answer it would make a second list of the same name.
        created = must((yield Request("POST", LISTS, json=body, repeatable=False)), WORDS)
        return str(created["id"])

    def list_page(
        self,
        object_name: str,
        columns: Sequence[str],
        audience: Audience | None,
        cursor: str,
        settings: Mapping[str, str],
    ) -> Listing:
        """Return a hundred profiles, of a list or of all."""
        path = PROFILES
        if audience is not None:
            list_id = audience.channel_id or (yield from find_list(audience.label))
            if not list_id:
                return Page([])
            path = f"{LISTS}/{list_id}/profiles"
        params = {"page[size]": "100"} | ({"page[cursor]": cursor} if cursor else {})
        response = yield Request("GET", path, params=params)
        must(response, WORDS)
        answer = response.json()
        found = [
            Found(str(item["id"]), part(item, "attributes")) for item in entries(answer, "data")
        ]
        return Page(found, next_cursor(answer))

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a profile shows our value; it may have properties of others besides."""
        if column == "email":
            return email_of({"email": ours}) == email_of({"email": theirs})
        if column == "properties":
            held = theirs if isinstance(theirs, dict) else {}
            sent = json.loads(ours) if isinstance(ours, str) else ours or {}
            return all(is_same(value, held.get(name)) for name, value in sent.items())
        return is_same(ours, theirs)

    def converse(self, batch: Batch) -> Conversation:
        """Bring profiles in, and members into their list, or take them out of it."""
        if batch.object == "events":
            return (yield from events.tell(batch.sync, batch.records))
        if batch.object == "deletions":
            return (yield from deletions.erase(batch.records))
        list_id = batch.audience.channel_id if batch.audience else ""
        if batch.operation == "remove":
            return (yield from remove(list_id, batch.records))
        records, verdicts = without_repeats(batch.records, lambda r: email_of(r.fields))
        joining = {"", *(email_of(record.fields) for record in records)}
        moved = [r for r in records if sent_email(r) not in joining]
        ids: dict[str, str] = {}
        if moved and not list_id:
            ids = yield from former(moved)
        elif moved:
            # The old address leaves the list, or its profile would stay in it for ever.
            removed = yield from remove(list_id, moved)
            stuck = {verdict.key for verdict in removed if verdict.status != "acknowledged"}
            verdicts += [verdict for verdict in removed if verdict.key in stuck]
            records = [record for record in records if record.key not in stuck]
        kept: dict[str, list[str]] = {}
        if batch.options.chosen:
            records, kept = yield from look(records, verdicts, batch.options)
        taken = yield from import_profiles(list_id, records, kept, ids)
        return verdicts + [with_kept(verdict, kept.get(verdict.key, [])) for verdict in taken]


destination: Destination = Klaviyo()
