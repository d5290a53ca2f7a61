"""BottleCRM: contacts by e-mail address, tagged with the labels of their audiences.

Requires the server's address in ``BOTTLECRM_URL`` and a personal access token in
``BOTTLECRM_TOKEN``. A contact needs ``first_name`` and ``last_name``. Leaving an audience takes the
tag off and keeps the contact; in mode mirror, contacts who leave are deleted.

    exposures:
      - name: bottlecrm_contacts
        type: application
        owner: {name: Sales, email: sales@example.com}
        depends_on: [ref('sync_bottlecrm_contacts')]
        config:
          meta:
            sync:
              destination: bottlecrm
              object: contacts
              mode: mirror
              key: [person_id]
              match: [email]
              purpose: customer_relationship
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    Phrases,
    Step,
    converse,
    done,
    expect,
    is_absent,
    must,
)
from reverse_etl.conversation.verdicts import EMAIL, email_of, entries, part

CONTACTS = "/api/contacts/"
TAGS = "/api/tags/"
PAGE = 100
FIELDS = (
    *("email", "first_name", "last_name", "phone", "organization", "title", "department"),
    *("city", "state", "postcode", "country", "source_ref", "description"),
)
PROBE = Probe(Request("GET", TAGS), needs=("a personal access token of an active profile",))
LIMITS = Limits(rows=20, bytes=400_000, requests_per_second=10, concurrency=4)


class BottleCRM:
    """BottleCRM's API: one contact a request."""

    slug = "bottlecrm"
    label = "BottleCRM"
    base_url = ""
    meanings = (Meaning("unknown", (403,)),)  # there is no 401
    settings: tuple[Setting, ...] = (Setting("TOKEN", "personal access token", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject("contacts", ("upsert", "mirror"), LIMITS, ("email",), FIELDS, probe=PROBE),
        ChannelObject("tag_members", ("audience",), LIMITS, ("email",), FIELDS, probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Accept": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the tag by its name, the audience's label, or create it."""
        if object_name != "tag_members":
            raise Refused("not_an_audience", f"BottleCRM's {object_name} cannot hold an audience.")
        name = (label or audience)[:50]
        response = yield Request("GET", TAGS, params={"name": name})
        must(response, lambda answer: len(answer["tags"]) + 1)
        for found in entries(response.json(), "tags"):
            if found.get("name") == name:
                return str(found["id"])
        # Sent again after a lost answer it might make a second tag of the same name.
        created = yield Request("POST", TAGS, json={"name": name}, repeatable=False)
        return must(created, lambda answer: answer["tag"]["id"])

    def converse(self, batch: Batch) -> Conversation:
        """Write, tag or delete contacts."""
        return (yield from converse(batch, PHRASES))


def _identity(record: Record) -> str:
    return email_of(record.fields)


def _sent(record: Record) -> str:
    return email_of(record.sent_match) or _identity(record)


def _find(record: Record) -> Step[str]:
    """Find a contact by its address: the filter looks for a part of it, so each is compared."""
    params = {"email": _sent(record), "limit": str(PAGE), "offset": "0"}
    while True:
        response = yield Request("GET", CONTACTS, params=params)
        seen = int(params["offset"]) + PAGE
        count = int(expect(response, lambda answer: answer["count"]))
        for contact in entries(response.json(), "results"):
            if str(contact.get("email") or "").lower() == params["email"]:
                return str(contact["id"])
        if seen >= count:
            return ""
        params = {**params, "offset": str(seen)}


def _write(record: Record) -> Step[str]:
    """Change the contact that is there, else make one; what is empty is cleared."""
    body = {name: "" if value is None else value for name, value in record.fields.items()}
    found = record.channel_id or (yield from _find(record))
    if found:
        response = yield Request("PATCH", f"{CONTACTS}{found}/", json=body)
        if not is_absent(response):
            _judged(response, lambda answer: answer.get("error") is False or None)
            return found
    # Sent again after a lost answer it is refused, since the address is there: found next time.
    response = yield Request("POST", CONTACTS, json=body)
    return _judged(response, lambda answer: answer["id"])


def _judged(response: Response, read: Callable[[Any], Any]) -> str:
    """Return what ``read`` finds in a success.

    Raises:
        Refused: BottleCRM names the fields that it does not take.
        Unclear: the answer is about something else, or cannot be read.
    """
    for field, complaints in part(response.json(), "errors").items():
        words = complaints if isinstance(complaints, list) else [complaints]
        raise Refused(f"{field}_invalid", f"{field}: {' '.join(map(str, words))}")
    return expect(response, read)


def _delete(contact: str) -> Step[None]:
    response = yield Request("DELETE", f"{CONTACTS}{contact}/")
    if not is_absent(response):
        done(response)


def _tags(contact: str) -> Step[list[str] | None]:
    """Return a contact's tags; ``None`` where the contact is gone."""
    response = yield Request("GET", f"{CONTACTS}{contact}/")
    if is_absent(response):
        return None
    expect(response, lambda answer: len(answer["contact_obj"]["tags"]) + 1)
    found = part(response.json(), "contact_obj")["tags"]
    return [str(tag["id"] if isinstance(tag, dict) else tag) for tag in found]


def _join(contact: str, tag: str) -> Step[None]:
    """Tags are replaced as a whole: what a contact has besides is sent along."""
    tags = yield from _tags(contact)
    if tags is not None and tag not in tags:
        done((yield Request("PATCH", f"{CONTACTS}{contact}/", json={"tags": [*tags, tag]})))


def _leave(contact: str, tag: str) -> Step[None]:
    tags = yield from _tags(contact)
    if tags and tag in tags:
        rest = [each for each in tags if each != tag]
        done((yield Request("PATCH", f"{CONTACTS}{contact}/", json={"tags": rest})))


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
destination: Destination = BottleCRM()
