"""Iterable: users, their membership of static lists, and events.

Requires a server-side API key in ``ITERABLE_TOKEN``. A project in the EU has
``ITERABLE_URL=https://api.eu.iterable.com``.

Users are known by the column ``email``, or by ``user_id`` where there is no such column; the other
columns become data fields. Leaving a list is no unsubscription: no request names a channel or a
message type. In mode mirror, users who leave are deleted, which does not keep them from returning.

    exposures:
      - name: iterable_list_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_iterable_list_members')]
        config:
          meta:
            sync:
              destination: iterable
              object: list_members
              mode: audience
              key: [person_id]
              match: [email]
              purpose: email_marketing
"""

from __future__ import annotations

from collections.abc import Mapping
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
    Verdict,
)
from reverse_etl.conversation.verdicts import (
    entries,
    one_by_one,
    without_consent_fields,
    without_repeats,
)
from reverse_etl.destinations.iterable.answers import must, read_verdicts
from reverse_etl.destinations.iterable.events import tell
from reverse_etl.destinations.iterable.users import (
    NAMES,
    WHAT,
    address_of,
    delete,
    move,
    own_address,
    sent_address,
    user_of,
)

CONSENT = (
    "emailListIds",
    "unsubscribedChannelIds",
    "unsubscribedMessageTypeIds",
    "subscribedMessageTypeIds",
)
PROBE = Probe(Request("GET", "/api/lists"), needs=("a server-side key",))
LIMITS = Limits(rows=1_000, bytes=3_000_000, requests_per_second=5)


class Iterable:
    """Iterable's API."""

    slug = "iterable"
    label = "Iterable"
    base_url = "https://api.iterable.com"
    settings: tuple[Setting, ...] = (Setting("TOKEN", "server-side API key", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "users",
            ("upsert", "mirror"),
            LIMITS,
            tuple(NAMES),
            no_others="a bulk update tells nobody which users were there",
            probe=PROBE,
        ),
        ChannelObject("list_members", ("audience",), LIMITS, tuple(NAMES), probe=PROBE),
        ChannelObject(
            "events", ("append",), LIMITS, tuple(NAMES), (*NAMES, "name", "properties"), probe=PROBE
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Api-Key": settings["TOKEN"], "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the static list by its name, the audience's label, or create it."""
        if object_name != "list_members":
            raise Refused("not_an_audience", f"Iterable's {object_name} cannot hold an audience.")
        name = label or audience
        response = yield Request("GET", "/api/lists")
        for found in entries(must(response), "lists"):
            if found.get("name") == name and "id" in found:
                return str(found["id"])
        # Sent again after a lost answer it would make a second list of the same name.
        created = yield Request("POST", "/api/lists", json={"name": name}, repeatable=False)
        number = must(created).get("listId")
        if number is None:
            raise Refused("no_list_id", "Iterable's answer does not name the list it made.")
        return str(number)

    def converse(self, batch: Batch) -> Conversation:
        """Update users in bulk, join or leave a list, delete users, or tell events."""
        if batch.mode == "append":
            return (yield from tell(batch))
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        leaving = batch.operation == "remove"
        records, repeated = without_repeats(records, sent_address if leaving else own_address, WHAT)
        verdicts += repeated
        if not records:
            return verdicts
        if leaving and batch.audience is None:
            return verdicts + (yield from one_by_one(records, delete))
        moved = (
            [] if leaving else [r for r in records if sent_address(r) not in ("", own_address(r))]
        )
        stuck = yield from one_by_one(moved, move)
        verdicts += [verdict for verdict in stuck if verdict.status != "acknowledged"]
        left = {verdict.key for verdict in verdicts}
        records = [record for record in records if record.key not in left]
        if not records:
            return verdicts
        if batch.audience is None:
            users = [{**user_of(r), "mergeNestedObjects": True} for r in records]
            request = Request("POST", "/api/users/bulkUpdate", json={"users": users})
        else:
            subscribers = [address_of(sent_address(r)) if leaving else user_of(r) for r in records]
            body: dict[str, Any] = {"listId": int(batch.audience.channel_id)}
            body["subscribers"] = subscribers
            body |= {"channelUnsubscribe": False} if leaving else {"updateExistingUsersOnly": False}
            how = "unsubscribe" if leaving else "subscribe"
            request = Request("POST", f"/api/lists/{how}", json=body)
        response = yield request
        found = read_verdicts(records, response, sent_address if leaving else own_address)
        if leaving:  # nobody Iterable does not know is on a list of Iterable's
            known = {"notFoundEmails", "notFoundUserIds"}
            found = [
                Verdict(each.key, "acknowledged") if each.code in known else each for each in found
            ]
        return verdicts + found


destination: Destination = Iterable()
