"""Zendesk: users by ``external_id`` (or e-mail address), tagged with the labels of their audiences.

Requires an API token in ``ZENDESK_TOKEN``, the e-mail address of the agent it works for in
``ZENDESK_EMAIL``, and the account's address in ``ZENDESK_URL``: ``https://example.zendesk.com``.
Bulk imports and the tagging of users have to be switched on in the account.

Nobody is mailed: every user is sent with ``skip_verify_email``. The column ``user_fields`` holds a
JSON object. In mode mirror, users who leave are deleted.

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
import re
from collections.abc import Generator, Mapping, Sequence
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
    Verdict,
)
from reverse_etl.conversation.complaints import refusal
from reverse_etl.conversation.polling import follow
from reverse_etl.conversation.record_by_record import Step, is_absent
from reverse_etl.conversation.verdicts import (
    document_of,
    email_of,
    entries,
    one_by_one,
    part,
    rejected,
    text_of,
    unread,
    waiting,
    without_repeats,
)

USERS = "/api/v2/users"
WHAT = "external_id or e-mail address"
IDENTIFIERS = ("external_id", "email")
FIELDS = (
    *(*IDENTIFIERS, "name", "phone", "organization_id", "details", "notes"),
    *("time_zone", "locale", "user_fields"),
)
OVER = ("completed", "failed", "killed")
WORDS = {
    "RecordInvalid": "A value does not fit its field",
    "RecordNotFound": "Zendesk knows no such user",
    "TooManyJobs": "Zendesk is busy with other imports",
}
PROBE = Probe(Request("GET", "/api/v2/users/me.json"), needs=("an agent who may manage users",))
# 200 a minute on the smallest plan; some thirty imports may wait.
LIMITS = Limits(rows=100, bytes=1_000_000, requests_per_second=3, concurrency=2)


def tag_of(label: str) -> str:
    """Return a label as a tag: small letters, digits and underscores."""
    return re.sub(r"\W+", "_", label.lower()).strip("_")


class Zendesk:
    """Zendesk's Support API."""

    slug = "zendesk"
    label = "Zendesk"
    base_url = ""
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
            FIELDS,
            no_others="a job tells which users were there only after it has written them",
            probe=PROBE,
        ),
        ChannelObject("tag_members", ("audience",), LIMITS, IDENTIFIERS, FIELDS, probe=PROBE),
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
        records, verdicts = without_repeats(batch.records, lambda r: _known(r).lower(), WHAT)
        if leaving and batch.audience is None:
            return verdicts + (yield from _destroy(records))
        if leaving and batch.audience:
            tag = batch.audience.channel_id
            return verdicts + (yield from one_by_one(records, lambda r: _untag(r, tag)))
        written = yield from _write(records)
        if batch.audience is None:
            return verdicts + written
        ids = {each.key: each.channel_id for each in written if each.status == "acknowledged"}
        members = [record for record in records if ids.get(record.key)]
        verdicts += [each for each in written if not ids.get(each.key)]
        tag = batch.audience.channel_id
        return verdicts + (yield from one_by_one(members, lambda r: _tag(r, ids[r.key], tag)))


def _known(record: Record) -> str:
    for fields in (record.fields, record.sent_match):
        found = text_of(fields, "external_id") or email_of(fields)
        if found:
            return found
    return record.channel_id or ""


def _user(record: Record) -> dict[str, Any]:
    """Return a user; what is empty clears on a change, and is left out on an add.

    Raises:
        ValueError: ``user_fields`` is no JSON object.
    """
    user: dict[str, Any] = {"skip_verify_email": True}
    for name, value in record.fields.items():
        if name == "user_fields":
            fields = document_of(value)
            if fields:
                user[name] = fields
        elif name in FIELDS and (value is not None or record.operation == "change"):
            user[name] = value
    user.setdefault("name", text_of(record.fields, "email") or _known(record))
    return user


def _write(records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Create or update users by a job, and read what became of each."""
    verdicts: list[Verdict] = []
    sent: list[Record] = []
    users: list[dict[str, Any]] = []
    for record in records:
        try:
            users.append(_user(record))
            sent.append(record)
        except ValueError as error:
            reason = f"Its column 'user_fields' {error}."
            verdicts.append(rejected(record, "bad_user_fields", reason, is_permanent=True))
    if not sent:
        return verdicts
    response = yield Request(
        "POST", f"{USERS}/create_or_update_many.json", json={"users": users}, remembered=True
    )
    return verdicts + (yield from _collect(sent, response))


def _destroy(records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
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
            verdicts += yield from _collect([record for record, _ in group], response)
    return verdicts


def _collect(
    records: Sequence[Record], response: Response
) -> Generator[Request, Response, list[Verdict]]:
    """Follow the job that an answer names, and read its result for each record."""
    job = part(response.json(), "job_status").get("id")
    if not response.ok or not job:
        return refusal(records, response, WORDS)
    found = yield from follow(
        f"/api/v2/job_statuses/{job}.json",
        lambda answer: part(answer, "job_status").get("status") in OVER,
    )
    if found is None:
        reason = "Zendesk was still at work after 10 minutes."
        return waiting(records, "still_processing", reason)
    status = part(found.json(), "job_status")
    if not found.ok or status.get("status") not in OVER:
        return unread(records, found)
    results = entries(status, "results")
    if len(results) != len(records) or len(results) != len(status["results"]):
        words = status.get("message") or "Zendesk's job does not say what became of each."
        return waiting(records, f"job_{status['status']}", words)
    placed = {each["index"]: each for each in results if isinstance(each.get("index"), int)}
    if set(placed) != set(range(len(results))):
        # They come in the order of the request; an index that says something else is believed less.
        if any(each.get("index", place) != place for place, each in enumerate(results)):
            words = "Zendesk's job does not say which result is whose."
            return waiting(records, "unplaced_results", words)
        placed = dict(enumerate(results))
    return [_read(record, placed[place]) for place, record in enumerate(records)]


def _read(record: Record, result: Mapping[str, Any]) -> Verdict:
    """Return the verdict that one result of a job gives; deletions of nobody are done."""
    code = str(result.get("error") or "")
    is_gone = record.operation == "remove" and code in ("UserNotFound", "RecordNotFound")
    if (code or result.get("status") == "Failed" or result.get("success") is False) and not is_gone:
        said = str(result.get("details") or code or "Zendesk did not say why.")
        words = f"{WORDS[code]} ({said})" if code in WORDS else said
        return rejected(record, code or "Failed", words)
    number = result.get("id")
    if number is None and not is_gone and record.operation != "remove":
        return waiting([record], "no_id", "Zendesk's job does not say what became of it.")[0]
    known = record.channel_id if number is None else str(number)
    return Verdict(record.key, "acknowledged", channel_id=known)


def _tag(record: Record, user: str | None, tag: str) -> Step[Verdict]:
    response = yield Request("PUT", f"{USERS}/{user}/tags.json", json={"tags": [tag]})
    tags = part({"answer": response.json()}, "answer").get("tags")
    if response.ok and isinstance(tags, list) and tag in tags:
        return Verdict(record.key, "acknowledged", channel_id=user)
    return refusal([record], response, WORDS)[0]


def _untag(record: Record, tag: str) -> Step[Verdict]:
    """Take the tag off; somebody whose id we were never told got none from us."""
    if record.channel_id:
        path = f"{USERS}/{record.channel_id}/tags.json"
        response = yield Request("DELETE", path, json={"tags": [tag]})
        if not is_absent(response) and not response.is_done:
            return refusal([record], response, WORDS)[0]
    return Verdict(record.key, "acknowledged", channel_id=record.channel_id)


destination: Destination = Zendesk()
