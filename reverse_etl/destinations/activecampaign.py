"""ActiveCampaign: contacts by e-mail address, tagged with the labels of their audiences.

Requires an API key in ``ACTIVECAMPAIGN_TOKEN`` and the account's address in ``ACTIVECAMPAIGN_URL``:
``https://example.api-us1.com``.

Audiences are tags, not lists: being put on a list of ActiveCampaign's subscribes somebody, even one
who had unsubscribed. The column ``field_values`` holds a JSON object by the numbers of the custom
fields. In mode mirror, contacts who leave are deleted.

    exposures:
      - name: activecampaign_contacts
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_activecampaign_contacts')]
        config:
          meta:
            sync:
              destination: activecampaign
              object: contacts
              mode: upsert
              key: [person_id]
              match: [email]
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
    Response,
)
from reverse_etl.channel.meaning import Meaning
from reverse_etl.conversation.record_by_record import (
    OPTIONS,
    Phrases,
    Step,
    converse,
    expect,
    must,
)
from reverse_etl.conversation.verdicts import EMAIL, document_of, email_of, entries

API = "/api/3"
NAMES = {
    "email": "email",
    "first_name": "firstName",
    "last_name": "lastName",
    "phone": "phone",
}
FIELDS = (*NAMES, "field_values")
WORDS = {
    "duplicate": "Another contact has this address",
    "email_invalid": "ActiveCampaign cannot read the address",
    "field_missing": "A value is missing",
    "field_invalid": "A value does not fit its field",
    "related_missing": "ActiveCampaign has no such tag, field or contact",
    "http_404": "ActiveCampaign has no such tag, field or contact",
}
PROBE = Probe(Request("GET", f"{API}/contacts", params={"limit": "1"}))
# Five a second for an account, over all its keys.
LIMITS = Limits(rows=20, bytes=400_000, requests_per_second=5, concurrency=2)
MEANINGS = (Meaning("unknown", (403,)),)  # there is no 401


class ActiveCampaign:
    """ActiveCampaign's API v3."""

    slug = "activecampaign"
    label = "ActiveCampaign"
    base_url = ""
    meanings = MEANINGS
    settings: tuple[Setting, ...] = (Setting("TOKEN", "API key", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts",
            ("upsert", "mirror"),
            LIMITS,
            ("email",),
            FIELDS,
            options=OPTIONS,
            probe=PROBE,
        ),
        ChannelObject("tag_members", ("audience",), LIMITS, ("email",), FIELDS, probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Api-Token": settings["TOKEN"], "Accept": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the tag by its name, the audience's label, or create it."""
        if object_name != "tag_members":
            raise Refused(
                "not_an_audience", f"ActiveCampaign's {object_name} cannot hold an audience."
            )
        name = label or audience
        response = yield Request("GET", f"{API}/tags", params={"search": name, "limit": "100"})
        must(response, lambda answer: len(answer["tags"]) + 1, WORDS)
        for found in entries(response.json(), "tags"):
            if found.get("tag") == name:
                return str(found["id"])
        body = {"tag": {"tag": name, "tagType": "contact", "description": "An audience"}}
        # Sent again after a lost answer it might make a second tag of the same name.
        created = yield Request("POST", f"{API}/tags", json=body, repeatable=False)
        return must(created, lambda answer: answer["tag"]["id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Write, tag or delete contacts."""
        return (yield from converse(batch, PHRASES))


def _identity(record: Record) -> str:
    return email_of(record.fields)


def _sent(record: Record) -> str:
    return email_of(record.sent_match) or _identity(record)


def _contact(record: Record) -> dict[str, Any]:
    """Return a contact; what is empty clears on a change, and is left out on an add."""
    clears = record.operation == "change"
    contact: dict[str, Any] = {
        theirs: "" if record.fields[ours] is None else record.fields[ours]
        for ours, theirs in NAMES.items()
        if ours in record.fields and (record.fields[ours] is not None or clears)
    }
    try:
        values = document_of(record.fields.get("field_values")) or {}
    except ValueError as error:
        raise Refused("bad_field_values", f"Its column 'field_values' {error}.") from None
    if values:
        contact["fieldValues"] = [
            {"field": number, "value": "" if value is None else str(value)}
            for number, value in values.items()
        ]
    return contact


def _id(response: Response) -> str:
    return expect(response, lambda answer: answer["contact"]["id"], WORDS)


def _find(record: Record) -> Step[str]:
    response = yield Request("GET", f"{API}/contacts", params={"email": _sent(record)})
    found = entries(response.json(), "contacts")
    if response.ok and found:
        return str(found[0].get("id") or "")
    expect(response, lambda answer: len(answer["contacts"]) + 1, WORDS)
    return ""


def _write(record: Record) -> Step[str]:
    """Write a contact by its address; one whose address changes, by the id that we were told."""
    body = {"contact": _contact(record)}
    if record.channel_id and _sent(record) != _identity(record):
        path = f"{API}/contacts/{record.channel_id}"
        return _id((yield Request("PUT", path, json=body)))
    return _id((yield Request("POST", f"{API}/contact/sync", json=body)))


def _delete(contact: str) -> Step[None]:
    response = yield Request("DELETE", f"{API}/contacts/{contact}")
    if not _is_unknown(response):
        expect(response, lambda answer: len({**answer}) + 1, WORDS)


def _join(contact: str, tag: str) -> Step[None]:
    body = {"contactTag": {"contact": contact, "tag": tag}}
    response = yield Request("POST", f"{API}/contactTags", json=body)
    expect(response, lambda answer: answer["contactTag"]["id"], WORDS)


def _leave(contact: str, tag: str) -> Step[None]:
    """Take the tag off: what is deleted is the link between the two, which has an id of its own."""
    response = yield Request("GET", f"{API}/contacts/{contact}/contactTags")
    if _is_unknown(response):
        return
    expect(response, lambda answer: len(answer["contactTags"]) + 1, WORDS)
    for link in entries(response.json(), "contactTags"):
        if str(link.get("tag")) == tag:
            removed = yield Request("DELETE", f"{API}/contactTags/{link['id']}")
            if not _is_unknown(removed):
                expect(removed, lambda answer: len({**answer}) + 1, WORDS)


def _is_unknown(response: Response) -> bool:
    """Whether ActiveCampaign itself says that there is no such thing."""
    answer = response.json()
    return response.status == 404 and isinstance(answer, dict) and bool(answer.get("message"))


PHRASES = Phrases(
    identity=_identity,
    sent_identity=_sent,
    what=EMAIL,
    find=_find,
    write=_write,
    delete=_delete,
    join=_join,
    leave=_leave,
)
destination: Destination = ActiveCampaign()
