"""What members are on: static segments, in bulk, and tags; and events that are told of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from reverse_etl.channel.batch import Audience, Record
from reverse_etl.channel.exchange import Conversation, Refused, Request, Response, Verdict
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.instants import iso
from reverse_etl.conversation.verdicts import (
    acknowledged,
    document_of,
    email_of,
    entries,
    rejected,
    without_email,
)
from reverse_etl.destinations.mailchimp.answers import (
    WORDS,
    gone,
    known_email,
    member_path,
    present,
)


def tag_member(path: str, tag: str, record: Record) -> Generator[Request, Response, Verdict]:
    """Put a tag on a member or take it off; somebody who is no member has none."""
    leaves = record.operation == "remove"
    body = {"tags": [{"name": tag, "status": "inactive" if leaves else "active"}]}
    email = known_email(record) if leaves else email_of(record.fields) or known_email(record)
    response = yield Request("POST", f"{member_path(path, email)}/tags", json=body)
    return gone(record, response) if leaves else present(record, response)


def tell_event(path: str, record: Record) -> Generator[Request, Response, Verdict]:
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
    member = member_path(path, email_of(record.fields))
    response = yield Request("POST", f"{member}/events", json=body, repeatable=False)
    return present(record, response)


def assign_members(path: str, audience: Audience, records: Sequence[Record]) -> Conversation:
    """Add members to a static segment, or take them out of it; an old address leaves as well."""
    if not records:
        return []
    leaves = records[0].operation == "remove"
    found = [] if leaves else [email_of(record.fields) for record in records]
    joining = [email for email in found if email]
    leaving = [known_email(record) for record in records if known_email(record) not in joining]
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
    errors = answer.get("errors") or []
    if errors and (not refused or not set(refused) <= {*joining, *leaving}):
        raise Refused("not_members", "Mailchimp ignored some of these, and does not say which.")
    return [
        rejected(
            record, "not_a_member", f"Mailchimp ignored it: {refused[email_of(record.fields)]}"
        )
        if email_of(record.fields) in refused
        else Verdict(record.key, "acknowledged")
        for record in records
    ]
