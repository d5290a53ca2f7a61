"""Intercom: contacts by ``external_id``, tagged with the labels of their audiences, and events.

Requires an access token in ``INTERCOM_TOKEN``. Workspaces in the EU and Australia have addresses of
their own: ``INTERCOM_URL=https://api.eu.intercom.io`` or ``https://api.au.intercom.io``.

Contacts are users, looked up by their external id and never by search, which does not know the new
ones for minutes. The column ``custom_attributes`` holds a JSON object. In mode mirror, contacts who
leave are deleted.

    exposures:
      - name: intercom_contacts
        type: application
        owner: {name: Support, email: support@example.com}
        depends_on: [ref('sync_intercom_contacts')]
        config:
          meta:
            sync:
              destination: intercom
              object: contacts
              mode: upsert
              key: [person_id]
              match: [external_id]
              purpose: customer_relationship
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

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
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.instants import unix
from reverse_etl.conversation.record_by_record import (
    OPTIONS,
    Phrases,
    Step,
    converse,
    done,
    expect,
    is_absent,
    must,
)
from reverse_etl.conversation.verdicts import (
    document_of,
    one_by_one,
    rejected,
    text_of,
    unidentified,
)

ID = "external_id"
FIELDS = (
    *(ID, "email", "phone", "name", "avatar", "owner_id"),
    *("signed_up_at", "last_seen_at", "custom_attributes"),
)
CONSENT = ("unsubscribed_from_emails",)
MOST_METADATA = 10
WORDS = {
    "conflict": "Another contact has this address or external id",
    "parameter_invalid": "Intercom cannot read a value",
    "parameter_not_found": "A value is missing",
    "not_found": "Intercom knows no such contact",
    "User Not Found": "Intercom knows no such contact",
}
PROBE = Probe(Request("GET", "/me"))
# 10,000 a minute for an app.
LIMITS = Limits(rows=20, bytes=500_000, requests_per_second=160)


class Intercom:
    """Intercom's REST API."""

    slug = "intercom"
    label = "Intercom"
    base_url = "https://api.intercom.io"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token of an app", secret=True),
        Setting("VERSION", "API version", required=False, default="2.16"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts", ("upsert", "mirror"), LIMITS, (ID,), FIELDS, options=OPTIONS, probe=PROBE
        ),
        ChannelObject("tag_members", ("audience",), LIMITS, (ID,), FIELDS, probe=PROBE),
        ChannelObject(
            "events", ("append",), LIMITS, (ID,), (ID, "name", "properties"), probe=PROBE
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {
            "Authorization": f"Bearer {settings['TOKEN']}",
            "Intercom-Version": settings.get("VERSION") or "2.16",
            "Accept": "application/json",
        }

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find or make the tag; one request does either."""
        if object_name != "tag_members":
            raise Refused("not_an_audience", f"Intercom's {object_name} cannot hold an audience.")
        response = yield Request("POST", "/tags", json={"name": label or audience})
        return must(response, lambda answer: answer["id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Write, tag or delete contacts, or tell events."""
        if batch.mode == "append":
            return (yield from one_by_one(batch.records, _event))
        return (yield from converse(batch, PHRASES))


def _identity(record: Record) -> str:
    return text_of(record.fields, ID)


def _sent(record: Record) -> str:
    return text_of(record.sent_match, ID) or _identity(record)


def _contact(record: Record) -> dict[str, Any]:
    """Return a contact; what is empty clears on a change, and is left out on an add."""
    contact = {
        name: value
        for name, value in record.fields.items()
        if name in FIELDS and (value is not None or record.operation == "change")
    }
    for name in ("signed_up_at", "last_seen_at"):
        if contact.get(name):
            contact[name] = unix(str(contact[name]))
    if contact.get("custom_attributes") is not None:
        try:
            contact["custom_attributes"] = document_of(contact["custom_attributes"]) or {}
        except ValueError as error:
            raise Refused("bad_attributes", f"Its column 'custom_attributes' {error}.") from None
    return contact


def _find(record: Record) -> Step[str]:
    """Look a contact up; of one that was merged away, find the one that it became."""
    path = f"/contacts/find_by_external_id/{quote(_sent(record), safe='')}"
    response = yield Request("GET", path)
    if response.status == 410:
        merged = re.search(r"/contacts/([\w-]+)>", response.headers.get("link", ""))
        return merged[1] if merged else ""
    if is_absent(response):
        return ""
    return expect(response, lambda answer: answer["id"], WORDS)


def _write(record: Record) -> Step[str]:
    contact = _contact(record)
    found = record.channel_id or (yield from _find(record))
    if found:
        response = yield Request("PUT", f"/contacts/{found}", json=contact)
        if not is_absent(response):
            return expect(response, lambda answer: answer["id"], WORDS)
    response = yield Request("POST", "/contacts", json={"role": "user", **contact})
    if response.status == 409:
        # An earlier answer got lost after Intercom had made the contact.
        found = yield from _find(record)
        if found:
            response = yield Request("PUT", f"/contacts/{found}", json=contact)
    return expect(response, lambda answer: answer["id"], WORDS)


def _delete(contact: str) -> Step[None]:
    response = yield Request("DELETE", f"/contacts/{contact}")
    if not is_absent(response):
        expect(response, lambda answer: answer["id"], WORDS)


def _join(contact: str, tag: str) -> Step[None]:
    response = yield Request("POST", f"/contacts/{contact}/tags", json={"id": tag})
    expect(response, lambda answer: answer["id"], WORDS)


def _leave(contact: str, tag: str) -> Step[None]:
    response = yield Request("DELETE", f"/contacts/{contact}/tags/{tag}")
    if not is_absent(response):
        done(response, WORDS)


def _event(record: Record) -> Step[Verdict]:
    """Tell an event; Intercom knows it again by contact, name and second."""
    if not _identity(record):
        return unidentified(record, ID)
    response = yield Request("POST", "/events", json=_told(record))
    if response.is_done:
        return Verdict(record.key, "acknowledged")
    if is_absent(response):
        return rejected(record, *complaint_of(response, WORDS))
    return refusal([record], response, WORDS)[0]


def _told(record: Record) -> dict[str, Any]:
    """Return an event as Intercom takes it.

    Raises:
        Refused: it is none.
    """
    at = unix(record.occurred_at)
    if at is None:
        raise Refused(
            "no_time", "It has no occurred_at, and Intercom takes no event without its time."
        )
    try:
        metadata = document_of(record.fields.get("properties")) or {}
    except ValueError as error:
        raise Refused("bad_properties", f"Its column 'properties' {error}.") from None
    if len(metadata) > MOST_METADATA:
        raise Refused(
            "too_many_properties", f"It has more than the {MOST_METADATA} that Intercom keeps."
        )
    told = {
        "event_name": record.fields.get("name"),
        "created_at": at,
        "user_id": _identity(record),
        "metadata": {name: str(value) for name, value in metadata.items()},
    }
    return told if metadata else {name: told[name] for name in told if name != "metadata"}


PHRASES = Phrases(
    identity=_identity,
    sent_identity=_sent,
    what=ID,
    find=_find,
    write=_write,
    delete=_delete,
    join=_join,
    leave=_leave,
    consent=CONSENT,
)
destination: Destination = Intercom()
