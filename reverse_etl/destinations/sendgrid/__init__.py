"""SendGrid: marketing contacts by e-mail address, and their membership of lists.

Requires an API key with full access to Marketing in ``SENDGRID_TOKEN``.

Columns that are no reserved fields of SendGrid's are custom fields, which must exist; ``seamline
check --connect --create`` makes them. Before an import, SendGrid is asked for their ids.
An e-mail address is what SendGrid knows a contact by and cannot be changed: who has a new one is
written anew, and in mode mirror the contact under the old one is deleted. So are those who leave.

    exposures:
      - name: sendgrid_list_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_sendgrid_list_members')]
        config:
          meta:
            sync:
              destination: sendgrid
              object: list_members
              mode: audience
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
from reverse_etl.channel.exchange import Conversation, Preparation, Refused, Request
from reverse_etl.channel.inspection import Inspection
from reverse_etl.conversation.record_by_record import must
from reverse_etl.conversation.verdicts import entries, part, without_repeats
from reverse_etl.destinations.sendgrid.contacts import LISTS, WORDS, own, sent
from reverse_etl.destinations.sendgrid.fields import lacking
from reverse_etl.destinations.sendgrid.imports import import_contacts
from reverse_etl.destinations.sendgrid.removals import remove

# 30,000 contacts or 6 MB.
LIMITS = Limits(rows=30_000, bytes=4_000_000, requests_per_second=10, concurrency=4)
PROBE = Probe(Request("GET", LISTS, params={"page_size": "1"}), needs=("full access to Marketing",))


class SendGrid:
    """SendGrid's Marketing Campaigns API."""

    slug = "sendgrid"
    label = "SendGrid"
    base_url = "https://api.sendgrid.com"
    settings: tuple[Setting, ...] = (Setting("TOKEN", "API key (SG.…)", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts",
            ("upsert", "mirror"),
            LIMITS,
            ("email",),
            no_others="an import tells nobody which contacts were there",
            probe=PROBE,
        ),
        ChannelObject("list_members", ("audience",), LIMITS, ("email",), probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the list by its name, the audience's label, or create it."""
        if object_name != "list_members":
            raise Refused("not_an_audience", f"SendGrid's {object_name} cannot hold an audience.")
        name = (label or audience)[:100]
        params = {"page_size": "1000"}
        while True:
            response = yield Request("GET", LISTS, params=params)
            must(response, lambda answer: len(answer["result"]) + 1, WORDS)
            answer = response.json()
            for found in entries(answer, "result"):
                if found.get("name") == name:
                    return str(found["id"])
            _, _, token = str(part(answer, "_metadata").get("next") or "").partition("page_token=")
            if not token:
                break
            params = {"page_size": "1000", "page_token": token.split("&")[0]}
        # Two lists cannot have one name: repeated after a lost answer, it is refused.
        created = yield Request("POST", LISTS, json={"name": name}, repeatable=False)
        return must(created, lambda answer: answer["id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Import contacts, into a list if there is one, or take them out."""
        leaving = batch.operation == "remove"
        records, verdicts = without_repeats(batch.records, sent if leaving else own)
        list_id = batch.audience.channel_id if batch.audience else ""
        if leaving:
            return [*verdicts, *(yield from remove(list_id, records))]
        joining = {"", *map(own, records)}
        moved = [record for record in records if sent(record) not in joining]
        if moved and (list_id or batch.mode == "mirror"):
            # The old address would stay, in the list or in the account, for ever.
            left = yield from remove(list_id, moved)
            stuck = {verdict.key for verdict in left if verdict.status != "acknowledged"}
            verdicts += [verdict for verdict in left if verdict.key in stuck]
            records = [record for record in records if record.key not in stuck]
        return [*verdicts, *(yield from import_contacts(list_id, records))]

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Return which columns are no custom fields yet."""
        return (yield from lacking(columns))


destination: Destination = SendGrid()
