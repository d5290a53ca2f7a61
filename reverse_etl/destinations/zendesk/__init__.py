"""Zendesk: users by ``external_id`` (or e-mail address), tagged with the labels of their audiences.

Requires an API token in ``ZENDESK_TOKEN``, the e-mail address of the agent it works for in
``ZENDESK_EMAIL``, and the account's address in ``ZENDESK_URL``: ``https://example.zendesk.com``.
Bulk imports and the tagging of users have to be switched on in the account.

Nobody is mailed: every user is sent with ``skip_verify_email``. Columns that are no fields of every
user are the account's user fields, which must exist; ``seamline check --connect --create`` makes
them, where the agent is an admin. In mode mirror, users who leave are deleted. A sync with options
asks first who is there, by ``external_id``, which its records must have.

    exposures:
      - name: zendesk_users
        type: application
        owner: {name: Support, email: support@example.com}
        depends_on: [ref('sync_zendesk_users')]
        config:
          meta:
            sync:
              destination: zendesk
              object: users
              mode: upsert
              key: [person_id]
              match: [external_id]
              purpose: customer_relationship
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
from reverse_etl.channel.exchange import Conversation, Preparation, Refused, Request
from reverse_etl.channel.inspection import Inspection
from reverse_etl.channel.meaning import Meaning
from reverse_etl.conversation.verdicts import one_by_one, without_repeats
from reverse_etl.destinations.zendesk.fields import lacking
from reverse_etl.destinations.zendesk.tags import put_on, tag_of, take_off
from reverse_etl.destinations.zendesk.users import IDENTIFIERS, WHAT, destroy, known, write

PROBE = Probe(Request("GET", "/api/v2/users/me.json"), needs=("an agent who may manage users",))
# 200 a minute on the smallest plan; some thirty imports may wait.
LIMITS = Limits(rows=100, bytes=1_000_000, requests_per_second=3, concurrency=2)
MEANINGS = (
    Meaning(
        "barred",
        (403,),
        (),
        "the token's agent may not manage users, or the account may not import them in bulk, "
        "which Zendesk's support allows",
    ),
)


class Zendesk:
    """Zendesk's Support API."""

    slug = "zendesk"
    label = "Zendesk"
    base_url = ""
    meanings = MEANINGS
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "API token", secret=True),
        Setting("EMAIL", "e-mail address of the agent whose token it is"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "users",
            ("upsert", "mirror"),
            LIMITS,
            IDENTIFIERS,
            options=("update_only", "create_only", "keep_edits"),
            probe=PROBE,
        ),
        ChannelObject("tag_members", ("audience",), LIMITS, IDENTIFIERS, probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        key = base64.b64encode(f"{settings['EMAIL']}/token:{settings['TOKEN']}".encode()).decode()
        return {"Authorization": f"Basic {key}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Return the label as a tag, which is made by its first use."""
        yield from ()
        if object_name != "tag_members":
            raise Refused("not_an_audience", f"Zendesk's {object_name} cannot hold an audience.")
        return tag_of(label or audience)

    def converse(self, batch: Batch) -> Conversation:
        """Create, update, tag or delete users."""
        leaving = batch.operation == "remove"
        # Zendesk compares external ids without regard to case.
        records, verdicts = without_repeats(batch.records, lambda r: known(r).lower(), WHAT)
        if leaving and batch.audience is None:
            return verdicts + (yield from destroy(records))
        if leaving and batch.audience:
            tag = batch.audience.channel_id
            return verdicts + (yield from one_by_one(records, lambda r: take_off(r, tag)))
        written = yield from write(records, batch.options)
        if batch.audience is None:
            return verdicts + written
        ids = {each.key: each.channel_id for each in written if each.status == "acknowledged"}
        members = [record for record in records if ids.get(record.key)]
        verdicts += [each for each in written if not ids.get(each.key)]
        tag = batch.audience.channel_id
        return verdicts + (yield from one_by_one(members, lambda r: put_on(r, ids[r.key], tag)))

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Return which columns are no user fields yet."""
        return (yield from lacking(columns))


destination: Destination = Zendesk()
