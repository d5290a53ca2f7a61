"""Mailchimp: members of one audience ("list"), their tags, static segments and events.

Requires an API key in ``MAILCHIMP_TOKEN``, the audience's id in ``MAILCHIMP_LIST_ID``, and in
``MAILCHIMP_URL`` the address with the key's data centre: ``https://us21.api.mailchimp.com``.

The subscription of an existing member is never touched: no request carries ``status`` but the one
that makes a member, and Mailchimp lets that one meet nobody who is there already. New members are
``transactional``, which grants nothing, unless ``MAILCHIMP_STATUS_IF_NEW`` says ``subscribed`` or
``pending``.

A column becomes the merge field of its name in capitals (``first_name`` is ``FNAME``, ``last_name``
``LNAME``), which must exist. In mode mirror, members who leave are archived. ``deletions`` removes
people for good; Mailchimp lets nobody import them again.

    exposures:
      - name: mailchimp_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_mailchimp_members')]
        config:
          meta:
            sync:
              destination: mailchimp
              object: members
              mode: upsert
              key: [person_id]
              match: [email]
              purpose: email_marketing
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Generator, Mapping, Sequence
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
    Preparation,
    Refused,
    Request,
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.instants import iso
from reverse_etl.conversation.verdicts import (
    acknowledged,
    document_of,
    email_of,
    entries,
    one_by_one,
    rejected,
    without_consent_fields,
    without_email,
    without_repeats,
)

CONSENT = ("status", "status_if_new", "marketing_permissions")
MERGE_TAGS = {"first_name": "FNAME", "last_name": "LNAME"}
NO_MERGE_FIELDS = ("email", "language", "vip")
WORDS = {
    "ERROR_CONTACT_EXISTS": "The address is on the list already",
    "ERROR_GENERIC": "Mailchimp does not take this address",
    "Member In Compliance State": (
        "The person unsubscribed, bounced or complained; only they can sign up again"
    ),
    "Forgotten Email Not Subscribed": (
        "The person was deleted for good; only they can sign up again"
    ),
    "Invalid Resource": "A value does not fit its field",
    "Resource Not Found": "The address is not on the list",
    "Member Exists": "The new address is on the list already",
}
PROBE = Probe(Request("GET", "/3.0/lists/{LIST_ID}", params={"fields": "id,name"}))
# A key may have ten connections open; several syncs share them.
LIMITS = Limits(rows=500, bytes=1_000_000, requests_per_second=10, concurrency=4)
ALONE = Limits(rows=1, bytes=100_000, requests_per_second=10, concurrency=4)
EMAIL = ("email",)


class Mailchimp:
    """Mailchimp's Marketing API 3.0."""

    slug = "mailchimp"
    label = "Mailchimp"
    base_url = ""
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "API key", secret=True),
        Setting("LIST_ID", "id of the audience, in its settings"),
        Setting(
            "STATUS_IF_NEW",
            "what new members are: transactional, pending or subscribed",
            required=False,
            default="transactional",
        ),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject("members", ("upsert", "mirror"), LIMITS, EMAIL, probe=PROBE),
        ChannelObject("segment_members", ("audience",), LIMITS, EMAIL, EMAIL, probe=PROBE),
        ChannelObject("tag_members", ("audience",), LIMITS, EMAIL, EMAIL, probe=PROBE),
        ChannelObject(
            "events", ("append",), ALONE, EMAIL, ("email", "name", "properties"), probe=PROBE
        ),
        ChannelObject("deletions", ("append",), LIMITS, EMAIL, EMAIL, probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        key = base64.b64encode(f"seamline:{settings['TOKEN']}".encode()).decode()
        return {"Authorization": f"Basic {key}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the static segment by its name, the audience's label, or create it.

        A tag is made by its first use.
        """
        name = label or audience
        if object_name == "tag_members":
            return name
        if object_name != "segment_members":
            raise Refused("not_an_audience", f"Mailchimp's {object_name} cannot hold an audience.")
        path = f"/3.0/lists/{settings['LIST_ID']}/segments"
        params = {"type": "static", "count": "1000", "fields": "segments.id,segments.name"}
        found = yield Request("GET", path, params=params)
        if not found.ok:
            raise Refused(*complaint_of(found, WORDS))
        for segment in entries(found.json(), "segments"):
            if segment.get("name") == name:
                return str(segment["id"])
        body = {"name": name, "static_segment": []}
        # Sent again after a lost answer it would make a second segment of the same name.
        created = yield Request("POST", path, json=body, repeatable=False)
        answer = created.json()
        if not created.ok or not isinstance(answer, dict) or "id" not in answer:
            raise Refused(*complaint_of(created, WORDS))
        return str(answer["id"])

    def converse(self, batch: Batch) -> Conversation:
        """Speak of members, of their segment or tag, of events or of deletions."""
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        path = f"/3.0/lists/{batch.settings['LIST_ID']}"
        if batch.object == "events":
            return verdicts + (yield from one_by_one(records, lambda r: _event(path, r)))
        records, repeated = without_repeats(records, _known)
        verdicts += repeated
        if batch.object == "segment_members" and batch.audience:
            return [*verdicts, *(yield from _assign(path, batch.audience, records))]
        if batch.object == "tag_members" and batch.audience:
            tag = batch.audience.channel_id
            return verdicts + (yield from one_by_one(records, lambda r: _tag(path, tag, r)))
        if batch.object == "deletions":
            return verdicts + (yield from one_by_one(records, lambda r: _delete(path, r)))
        if batch.operation == "remove":
            return verdicts + (yield from one_by_one(records, lambda r: _archive(path, r)))
        status = batch.settings.get("STATUS_IF_NEW") or "transactional"
        if batch.operation == "add":
            added, records = yield from _add(path, records, status)
            verdicts += added
        return verdicts + (yield from one_by_one(records, lambda r: _put(path, r, status)))


def _known(record: Record) -> str:
    """Return the address under which Mailchimp knows the member today."""
    return email_of(record.sent_match) or email_of(record.fields)


def _member(path: str, email: str) -> str:
    return f"{path}/members/{hashlib.md5(email.encode()).hexdigest()}"


def _body(record: Record) -> dict[str, Any]:
    """Return a member; an empty column clears its field on a change, and is left out on an add."""
    body: dict[str, Any] = {"email_address": str(record.fields["email"]).strip()}
    for name in ("language", "vip"):
        if record.fields.get(name) is not None:
            body[name] = record.fields[name]
    fields = {
        MERGE_TAGS.get(name, name.upper()): "" if value is None else value
        for name, value in record.fields.items()
        if name not in NO_MERGE_FIELDS and (value is not None or record.operation == "change")
    }
    return body | ({"merge_fields": fields} if fields else {})


def _add(
    path: str, records: Sequence[Record], status: str
) -> Generator[Request, Response, tuple[list[Verdict], list[Record]]]:
    """Make members in one request; return the verdicts, and those who are there already.

    ``update_existing`` would change the subscription of these, so that it is left off.
    """
    if not records:
        return [], []
    members = [{**_body(record), "status": status} for record in records]
    body = {"members": members, "update_existing": False}
    response = yield Request("POST", path, json=body)
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "new_members" not in answer:
        return refusal(records, response, WORDS), []
    verdicts: dict[str, Verdict] = {}
    made = {str(each.get("email_address", "")).lower() for each in entries(answer, "new_members")}
    existing = []
    errors = {str(e.get("email_address", "")).lower(): e for e in entries(answer, "errors")}
    for record in records:
        email = email_of(record.fields)
        error = errors.get(email, {})
        code = str(error.get("error_code") or "ERROR_GENERIC")
        if code == "ERROR_CONTACT_EXISTS" or (not error and email not in made):
            existing.append(record)
        elif error:
            words = f"{WORDS.get(code, WORDS['ERROR_GENERIC'])} ({error.get('error', code)})"
            verdicts[record.key] = rejected(record, code, words)
        else:
            verdicts[record.key] = Verdict(record.key, "acknowledged")
    return list(verdicts.values()), existing


def _put(path: str, record: Record, status: str) -> Generator[Request, Response, Verdict]:
    """Write a member, found by the address that it was sent with last."""
    if not email_of(record.fields):
        return without_email(record)
    body = {**_body(record), "status_if_new": status}
    response = yield Request("PUT", _member(path, _known(record)), json=body)
    moved = email_of(record.fields) != _known(record)
    if moved and not response.ok and complaint_of(response)[0] == "Member Exists":
        # An earlier answer got lost after the move, or the new address was there before.
        response = yield Request("PUT", _member(path, email_of(record.fields)), json=body)
    answer = response.json()
    if response.ok and isinstance(answer, dict) and "id" in answer:
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]


def _archive(path: str, record: Record) -> Generator[Request, Response, Verdict]:
    response = yield Request("DELETE", _member(path, _known(record)))
    return _gone(record, response)


def _delete(path: str, record: Record) -> Generator[Request, Response, Verdict]:
    member = _member(path, _known(record))
    response = yield Request("POST", f"{member}/actions/delete-permanent")
    return _gone(record, response)


def _gone(record: Record, response: Response) -> Verdict:
    """Return the verdict of somebody to be gone: who was not there is gone as well."""
    absent = response.status == 404 and complaint_of(response)[0] == "Resource Not Found"
    if response.ok or absent:
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]


def _tag(path: str, tag: str, record: Record) -> Generator[Request, Response, Verdict]:
    """Put a tag on a member or take it off; somebody who is no member has none."""
    leaves = record.operation == "remove"
    body = {"tags": [{"name": tag, "status": "inactive" if leaves else "active"}]}
    email = _known(record) if leaves else email_of(record.fields) or _known(record)
    response = yield Request("POST", f"{_member(path, email)}/tags", json=body)
    return _gone(record, response) if leaves else _present(record, response)


def _event(path: str, record: Record) -> Generator[Request, Response, Verdict]:
    """Tell an event once: Mailchimp does not recognise a repetition."""
    if not email_of(record.fields):
        return without_email(record)
    try:
        properties = document_of(record.fields.get("properties")) or {}
    except ValueError as error:
        reason = f"Its column 'properties' {error}."
        return rejected(record, "bad_properties", reason, is_permanent=True)
    body: dict[str, Any] = {"name": record.fields.get("name")}
    if properties:
        body["properties"] = {name: str(value) for name, value in properties.items()}
    if iso(record.occurred_at):
        body["occurred_at"] = iso(record.occurred_at)
    member = _member(path, email_of(record.fields))
    response = yield Request("POST", f"{member}/events", json=body, repeatable=False)
    return _present(record, response)


def _present(record: Record, response: Response) -> Verdict:
    """Return the verdict of something said of a member, who must be on the list."""
    if response.ok:
        return Verdict(record.key, "acknowledged")
    code, reason = complaint_of(response, WORDS)
    if response.status == 404 and code == "Resource Not Found":
        return rejected(record, code, reason)
    return refusal([record], response, WORDS)[0]


def _assign(path: str, audience: Audience, records: Sequence[Record]) -> Conversation:
    """Add members to a static segment, or take them out of it; an old address leaves as well."""
    if not records:
        return []
    leaves = records[0].operation == "remove"
    found = [] if leaves else [email_of(record.fields) for record in records]
    joining = [email for email in found if email]
    leaving = [_known(record) for record in records if _known(record) not in joining]
    body = {"members_to_add": joining, "members_to_remove": leaving}
    response = yield Request(
        "POST",
        f"{path}/segments/{audience.channel_id}",
        json={name: emails for name, emails in body.items() if emails},
    )
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "members_added" not in answer:
        return refusal(records, response, WORDS)
    if leaves:
        return acknowledged(records)
    refused = {}
    for error in entries(answer, "errors"):
        emails = error.get("email_addresses")
        for email in emails if isinstance(emails, list) else []:
            refused[str(email).lower()] = str(error.get("error") or "not on the list")
    return [
        rejected(
            record, "not_a_member", f"Mailchimp ignored it: {refused[email_of(record.fields)]}"
        )
        if email_of(record.fields) in refused
        else Verdict(record.key, "acknowledged")
        for record in records
    ]


destination: Destination = Mailchimp()
