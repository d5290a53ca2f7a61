"""Members: made in bulk, written one by one, archived, or deleted for good; never subscribed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.verdicts import email_of, entries, rejected, without_email
from reverse_etl.destinations.mailchimp.answers import WORDS, gone, known_email, member_path
from reverse_etl.destinations.mailchimp.merge_fields import NO_MERGE_FIELDS, merge_tag


def member_body(record: Record) -> dict[str, Any]:
    """Return a member; an empty column clears its field on a change, and is left out on an add."""
    body: dict[str, Any] = {"email_address": str(record.fields["email"]).strip()}
    for name in ("language", "vip"):
        if record.fields.get(name) is not None:
            body[name] = record.fields[name]
    fields = {
        merge_tag(name): "" if value is None else value
        for name, value in record.fields.items()
        if name not in NO_MERGE_FIELDS and (value is not None or record.operation == "change")
    }
    return body | ({"merge_fields": fields} if fields else {})


def add_members(
    path: str, records: Sequence[Record], status: str
) -> Generator[Request, Response, tuple[list[Verdict], list[Record]]]:
    """Make members in one request; return the verdicts, and those who are there already.

    ``update_existing`` would change the subscription of these, so that it is left off.
    """
    if not records:
        return [], []
    members = [{**member_body(record), "status": status} for record in records]
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


def put_member(path: str, record: Record, status: str) -> Generator[Request, Response, Verdict]:
    """Write a member, found by the address that it was sent with last."""
    if not email_of(record.fields):
        return without_email(record)
    body = {**member_body(record), "status_if_new": status}
    response = yield Request("PUT", member_path(path, known_email(record)), json=body)
    moved = email_of(record.fields) != known_email(record)
    if moved and not response.ok and complaint_of(response)[0] == "Member Exists":
        # An earlier answer got lost after the move, or the new address was there before.
        response = yield Request("PUT", member_path(path, email_of(record.fields)), json=body)
    answer = response.json()
    if response.ok and isinstance(answer, dict) and "id" in answer:
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]


def archive_member(path: str, record: Record) -> Generator[Request, Response, Verdict]:
    """Archive a member: the address may come back."""
    response = yield Request("DELETE", member_path(path, known_email(record)))
    return gone(record, response)


def delete_member(path: str, record: Record) -> Generator[Request, Response, Verdict]:
    """Delete a member for good."""
    member = member_path(path, known_email(record))
    response = yield Request("POST", f"{member}/actions/delete-permanent")
    return gone(record, response)
