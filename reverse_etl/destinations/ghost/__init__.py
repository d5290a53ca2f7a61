"""Ghost: members by e-mail address, and audiences as labels on them.

Requires the Admin API key of a custom integration (``id:secret``) in ``GHOST_KEY`` and the site's
address in ``GHOST_URL``. Leaving an audience takes the label off and keeps the member; in mode
mirror, members who leave are deleted. What somebody is subscribed to is never touched: a new member
receives no newsletter, unless ``GHOST_NEWSLETTERS`` is ``default`` and the site's own apply.

    exposures:
      - name: ghost_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_ghost_members')]
        config:
          meta:
            sync:
              destination: ghost
              object: members
              mode: mirror
              key: [person_id]
              match: [email]
              purpose: email_marketing
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Audience, Batch, Record
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
from reverse_etl.channel.meaning import Meaning
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
from reverse_etl.conversation.verdicts import EMAIL, email_of, entries, part, text_of
from reverse_etl.destinations.ghost.admin_key import token

API = "/ghost/api/admin"
MEMBERS = f"{API}/members/"
LABELS = f"{API}/labels/"
BULK = f"{MEMBERS}bulk/"
FIELDS = ("email", "name", "note")
CONSENT = ("newsletters", "subscribed", "email_disabled", "comped")
WORDS = {
    "ValidationError": "Ghost does not take a value",
    "NotFoundError": "Ghost knows no such member",
}
PAGE = 100
PROBE = Probe(
    Request("GET", MEMBERS, params={"limit": "1"}), needs=("an Admin API key of an integration",)
)
LIMITS = Limits(rows=20, bytes=400_000, requests_per_second=10, concurrency=2)
MEANINGS = (Meaning("unknown", (400,), ("INVALID_JWT",)),)  # a key in another form


class Ghost:
    """Ghost's Admin API."""

    slug = "ghost"
    label = "Ghost"
    base_url = ""
    meanings = MEANINGS
    settings: tuple[Setting, ...] = (
        Setting("KEY", "Admin API key of a custom integration, id:secret", secret=True),
        Setting("VERSION", "API version", required=False, default="v5.130"),
        Setting("NEWSLETTERS", "what new members receive: none, or default", False, False, "none"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "members",
            ("upsert", "mirror"),
            LIMITS,
            ("email",),
            FIELDS,
            options=OPTIONS,
            lists=True,
            probe=PROBE,
        ),
        ChannelObject(
            "label_members", ("audience",), LIMITS, ("email",), FIELDS, lists=True, probe=PROBE
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a request, with a token that is good for some minutes."""
        return {
            "Authorization": f"Ghost {token(settings['KEY'], int(time.time()))}",
            "Accept-Version": settings.get("VERSION") or "v5.130",
        }

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the label by its name, the audience's, or create it."""
        if object_name != "label_members":
            raise Refused("not_an_audience", f"Ghost's {object_name} cannot hold an audience.")
        name = label or audience
        params = {"filter": f"name:{quoted(name)}", "limit": str(PAGE)}
        response = yield Request("GET", LABELS, params=params)
        must(response, lambda answer: len(answer["labels"]) + 1, WORDS)
        for found in entries(response.json(), "labels"):
            return str(found["id"])
        # Sent again after a lost answer it would be refused, since the name is taken.
        body = {"labels": [{"name": name}]}
        created = yield Request("POST", LABELS, json=body, repeatable=False)
        return must(created, lambda answer: answer["labels"][0]["id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Write, label or delete members."""
        receives_default = batch.settings.get("NEWSLETTERS") == "default"
        phrases = Phrases(
            identity=_identity,
            sent_identity=_sent,
            what=EMAIL,
            find=_find,
            write=lambda record: _write(record, {} if receives_default else {"newsletters": []}),
            delete=_delete,
            join=lambda member, label: _label(member, label, "addLabel"),
            leave=lambda member, label: _label(member, label, "removeLabel"),
            consent=CONSENT,
        )
        return (yield from converse(batch, phrases))

    def list_page(
        self,
        object_name: str,
        columns: Sequence[str],
        audience: Audience | None,
        cursor: str,
        settings: Mapping[str, str],
    ) -> Listing:
        """Return one page of members; an audience's are those who have its label."""
        params = {"limit": str(PAGE), "page": cursor or "1", "order": "id asc"}
        if audience is not None:
            params["filter"] = f"labels.id:{quoted(audience.channel_id)}"
        response = yield Request("GET", MEMBERS, params=params)
        must(response, lambda answer: len(answer["members"]) + 1, WORDS)
        members = entries(response.json(), "members")
        pages = part(part(response.json(), "meta"), "pagination")
        found = [
            Found(str(each["id"]), {column: each.get(column) for column in columns})
            for each in members
        ]
        return Page(found, str(pages.get("next") or ""))

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether Ghost shows our value: addresses in small letters, nothing as empty."""
        if column == "email":
            return str(ours).strip().lower() == str(theirs).strip().lower()
        return (ours or "") == (theirs or "")


def quoted(text: str) -> str:
    """Return ``text`` as a string of Ghost's filters."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _identity(record: Record) -> str:
    return email_of(record.fields)


def _sent(record: Record) -> str:
    return email_of(record.sent_match) or _identity(record)


def _find(record: Record) -> Step[str]:
    """Find a member by their address, however it is spelt there."""
    params = {"filter": f"email:~{quoted(_sent(record))}", "limit": str(PAGE)}
    response = yield Request("GET", MEMBERS, params=params)
    expect(response, lambda answer: len(answer["members"]) + 1, WORDS)
    for member in entries(response.json(), "members"):
        if str(member.get("email")).lower() == _sent(record):
            return str(member["id"])
    return ""


def _write(record: Record, when_new: Mapping[str, Any]) -> Step[str]:
    """Change the member who is there, else make one; what is empty is cleared."""
    member = {
        name: email_of(record.fields) if name == "email" else text_of(record.fields, name)
        for name in FIELDS
        if name in record.fields
    }
    found = record.channel_id or (yield from _find(record))
    if found:
        response = yield Request("PUT", f"{MEMBERS}{found}/", json={"members": [member]})
        if not is_absent(response):
            return expect(response, lambda answer: answer["members"][0]["id"], WORDS)
    # Sent again after a lost answer it is refused, since the address is there: found next time.
    body = {"members": [{**member, **when_new}]}
    response = yield Request("POST", MEMBERS, json=body)
    return expect(response, lambda answer: answer["members"][0]["id"], WORDS)


def _delete(member: str) -> Step[None]:
    response = yield Request("DELETE", f"{MEMBERS}{member}/")
    if not is_absent(response):
        done(response, WORDS)


def _label(member: str, label: str, action: str) -> Step[None]:
    """Put one label on one member, or take it off; written as a whole, the others would be lost."""
    body = {"bulk": {"action": action, "meta": {"label": {"id": label}}}}
    params = {"filter": f"id:{quoted(member)}"}
    response = yield Request("PUT", BULK, params=params, json=body)
    expect(response, lambda answer: answer["bulk"]["meta"]["stats"]["successful"], WORDS)


destination: Destination = Ghost()
