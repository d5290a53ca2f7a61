"""Zendesk's users: by what they are known, how they are written in bulk, looked up and deleted."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Options, Record
from reverse_etl.channel.exchange import Request, Response, Verdict
from reverse_etl.conversation.edits import choose, with_kept
from reverse_etl.conversation.verdicts import email_of, part, rejected, text_of
from reverse_etl.destinations.zendesk.jobs import collect
from reverse_etl.destinations.zendesk.presence import look_up

USERS = "/api/v2/users"
WHAT = "external_id or e-mail address"
IDENTIFIERS = ("external_id", "email")
FIELDS = (
    *(*IDENTIFIERS, "name", "phone", "organization_id", "details", "notes"),
    *("time_zone", "locale"),
)


def known(record: Record) -> str:
    """Return what Zendesk is to know the user by."""
    for fields in (record.fields, record.sent_match):
        found = text_of(fields, "external_id") or email_of(fields)
        if found:
            return found
    return record.channel_id or ""


def _user(record: Record, kept: Collection[str]) -> dict[str, Any]:
    """Return a user; what is empty clears on a change, and is left out on an add.

    The fields that are ``kept`` as they are at Zendesk are not sent.
    """
    user: dict[str, Any] = {"skip_verify_email": True}
    custom: dict[str, Any] = {}
    for name, value in record.fields.items():
        if name not in kept and (value is not None or record.operation == "change"):
            (user if name in FIELDS else custom)[name] = value
    if custom:
        user["user_fields"] = custom
    if "name" not in kept:
        user.setdefault("name", text_of(record.fields, "email") or known(record))
    return user


def _held(user: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return a user as columns: the account's own user fields beside those of every user."""
    return user if user is None else {**part(dict(user), "user_fields"), **user}


def write(
    records: Sequence[Record], options: Options
) -> Generator[Request, Response, list[Verdict]]:
    """Create or update users by a job, and read what became of each.

    Where the sync has options, users are looked up before: a job tells only afterwards.
    """
    verdicts: list[Verdict] = []
    kept: dict[str, list[str]] = {}
    if options.chosen:
        held, verdicts = yield from look_up(records)
        found = [record for record in records if record.key in held]
        records, kept, left = choose(found, lambda record: _held(held[record.key]), options)
        verdicts += left
    if not records:
        return verdicts
    body = {"users": [_user(record, kept.get(record.key, ())) for record in records]}
    if options.update_only:
        path = f"{USERS}/update_many.json"
        response = yield Request("PUT", path, json=body, remembered=True)
    else:
        how = "create_many" if options.create_only else "create_or_update_many"
        response = yield Request("POST", f"{USERS}/{how}.json", json=body, remembered=True)
    written = yield from collect(records, response)
    return verdicts + [with_kept(each, kept.get(each.key, [])) for each in written]


def destroy(records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Delete users by a job, by Zendesk's ids or, where these are not known, by ours."""
    verdicts: list[Verdict] = []
    groups: dict[str, list[tuple[Record, str]]] = {"ids": [], "external_ids": []}
    for record in records:
        ours = text_of(record.sent_match, "external_id") or text_of(record.fields, "external_id")
        if record.channel_id or ours:
            name = "ids" if record.channel_id else "external_ids"
            groups[name].append((record, record.channel_id or ours))
        else:
            reason = "Zendesk deletes users by their ids, and never told us this one's."
            verdicts.append(rejected(record, "unknown_id", reason))
    for name, group in groups.items():
        if group:
            response = yield Request(
                "DELETE",
                f"{USERS}/destroy_many.json",
                params={name: ",".join(each for _, each in group)},
                remembered=True,
            )
            verdicts += yield from collect([record for record, _ in group], response)
    return verdicts
