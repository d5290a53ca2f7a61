"""Iterable: users, their membership of static lists, and events.

Requires a server-side API key in ``ITERABLE_TOKEN``. A project in the EU has
``ITERABLE_URL=https://api.eu.iterable.com``.

Users are known by the column ``email``, or by ``user_id`` where there is no such column; the other
columns become data fields. Leaving a list is no unsubscription: no request names a channel or a
message type. In mode mirror, users who leave are deleted, which does not keep them from returning.

    exposures:
      - name: iterable_list_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_iterable_list_members')]
        config:
          meta:
            sync:
              destination: iterable
              object: list_members
              mode: audience
              key: [person_id]
              match: [email]
              purpose: email_marketing
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
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
    Response,
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.instants import unix
from reverse_etl.conversation.verdicts import (
    acknowledged,
    document_of,
    email_of,
    entries,
    one_by_one,
    part,
    rejected,
    text_of,
    without_consent_fields,
    without_repeats,
)

NAMES = {"email": "email", "user_id": "userId"}
WHAT = "e-mail address or user_id"
CONSENT = (
    "emailListIds",
    "unsubscribedChannelIds",
    "unsubscribedMessageTypeIds",
    "subscribedMessageTypeIds",
)
# Lists in which an answer names those it did not take, and what that means.
FAILURES = {
    "invalidEmails": "Iterable cannot read the address",
    "invalidUserIds": "Iterable cannot read the user id",
    "invalidDataEmails": "A value does not fit its field",
    "invalidDataUserIds": "A value does not fit its field",
    "conflictEmails": "Another user has this address",
    "conflictUserIds": "Another user has this id",
    "forgottenEmails": "The person was forgotten at their wish",
    "forgottenUserIds": "The person was forgotten at their wish",
    "notFoundEmails": "Iterable knows no such user",
    "notFoundUserIds": "Iterable knows no such user",
}
WORDS = {
    "InvalidEmailAddressError": "Iterable cannot read the address",
    "RequestFieldsTypesMismatched": "A value has another type than its field in Iterable",
    "UniqueFieldsLimitExceeded": "The project has as many fields as Iterable allows",
    "ForgottenUserError": "The person was forgotten at their wish",
    "BatchTooLarge": "The request is too large",
    "UserIdAlreadyExists": "Another user has this id",
    "InvalidUserIdError": "Iterable cannot read the user id",
}
PROBE = Probe(Request("GET", "/api/lists"), needs=("a server-side key",))
LIMITS = Limits(rows=1_000, bytes=3_000_000, requests_per_second=5)


class Iterable:
    """Iterable's API."""

    slug = "iterable"
    label = "Iterable"
    base_url = "https://api.iterable.com"
    settings: tuple[Setting, ...] = (Setting("TOKEN", "server-side API key", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "users",
            ("upsert", "mirror"),
            LIMITS,
            tuple(NAMES),
            no_others="a bulk update tells nobody which users were there",
            probe=PROBE,
        ),
        ChannelObject("list_members", ("audience",), LIMITS, tuple(NAMES), probe=PROBE),
        ChannelObject(
            "events", ("append",), LIMITS, tuple(NAMES), (*NAMES, "name", "properties"), probe=PROBE
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Api-Key": settings["TOKEN"], "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the static list by its name, the audience's label, or create it."""
        if object_name != "list_members":
            raise Refused("not_an_audience", f"Iterable's {object_name} cannot hold an audience.")
        name = label or audience
        response = yield Request("GET", "/api/lists")
        for found in entries(_must(response), "lists"):
            if found.get("name") == name and "id" in found:
                return str(found["id"])
        # Sent again after a lost answer it would make a second list of the same name.
        created = yield Request("POST", "/api/lists", json={"name": name}, repeatable=False)
        number = _must(created).get("listId")
        if number is None:
            raise Refused("no_list_id", "Iterable's answer does not name the list it made.")
        return str(number)

    def converse(self, batch: Batch) -> Conversation:
        """Update users in bulk, join or leave a list, delete users, or tell events."""
        if batch.mode == "append":
            return (yield from _tell(batch))
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        leaving = batch.operation == "remove"
        records, repeated = without_repeats(records, _sent if leaving else _own, WHAT)
        verdicts += repeated
        if not records:
            return verdicts
        if leaving and batch.audience is None:
            return verdicts + (yield from one_by_one(records, _delete))
        moved = [] if leaving else [r for r in records if _sent(r) not in ("", _own(r))]
        stuck = yield from one_by_one(moved, _move)
        verdicts += [verdict for verdict in stuck if verdict.status != "acknowledged"]
        left = {verdict.key for verdict in verdicts}
        records = [record for record in records if record.key not in left]
        if not records:
            return verdicts
        if batch.audience is None:
            users = [{**_user(r), "mergeNestedObjects": True} for r in records]
            request = Request("POST", "/api/users/bulkUpdate", json={"users": users})
        else:
            subscribers = [_address(_sent(r)) if leaving else _user(r) for r in records]
            body: dict[str, Any] = {"listId": int(batch.audience.channel_id)}
            body["subscribers"] = subscribers
            body |= {"channelUnsubscribe": False} if leaving else {"updateExistingUsersOnly": False}
            how = "unsubscribe" if leaving else "subscribe"
            request = Request("POST", f"/api/lists/{how}", json=body)
        response = yield request
        found = _read(records, response, _sent if leaving else _own)
        if leaving:  # nobody Iterable does not know is on a list of Iterable's
            known = {"notFoundEmails", "notFoundUserIds"}
            found = [
                Verdict(each.key, "acknowledged") if each.code in known else each for each in found
            ]
        return verdicts + found


def _own(record: Record) -> str:
    return email_of(record.fields) or text_of(record.fields, "user_id")


def _sent(record: Record) -> str:
    """Return what Iterable knows the user by; for a removal, anything that is known."""
    known = email_of(record.sent_match) or text_of(record.sent_match, "user_id")
    return known or (_own(record) if record.operation == "remove" else "")


def _address(identity: str) -> dict[str, str]:
    return {"email" if "@" in identity else "userId": identity}


def _user(record: Record) -> dict[str, Any]:
    """Return a user; an empty column clears on a change, and is left out on an add."""
    address = _address(_own(record))
    fields = {
        name: value
        for name, value in record.fields.items()
        if NAMES.get(name) not in address and (value is not None or record.operation == "change")
    }
    if "userId" not in address and "user_id" in fields:
        fields["userId"] = fields.pop("user_id")
    return address | ({"dataFields": fields} if fields else {})


def _move(record: Record) -> Generator[Request, Response, Verdict]:
    """Give a user a new address; one whose new address has a user already stays as it is."""
    if "@" not in _sent(record) or "@" not in _own(record):
        return Verdict(record.key, "acknowledged")
    body = {"currentEmail": _sent(record), "newEmail": _own(record)}
    response = yield Request("POST", "/api/users/updateEmail", json=body)
    if response.ok and isinstance(response.json(), dict):
        return Verdict(record.key, "acknowledged")
    code, _ = complaint_of(response)
    if response.status == 400 and code in ("BadParams", "InvalidParameter", "UserExists"):
        # Moved before, by a request whose answer got lost; or two users, of whom the new counts.
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]


def _delete(record: Record) -> Generator[Request, Response, Verdict]:
    identity = _sent(record)
    place = "users" if "@" in identity else "users/byUserId"
    response = yield Request("DELETE", f"/api/{place}/{quote(identity, safe='')}")
    answer = response.json()
    is_read = isinstance(answer, dict) and "code" in answer
    if is_read and (response.ok or response.status == 404):
        return Verdict(record.key, "acknowledged")
    return refusal([record], response, WORDS)[0]


def _tell(batch: Batch) -> Conversation:
    """Tell events; one whose id Iterable has seen replaces it, so that they may be repeated."""
    verdicts: list[Verdict] = []
    told: list[Record] = []
    events: list[dict[str, Any]] = []
    known, nameless = without_repeats(batch.records, lambda r: _own(r) and r.key, WHAT)
    for record in known:
        try:
            fields = document_of(record.fields.get("properties")) or {}
        except ValueError as error:
            reason = f"Its column 'properties' {error}."
            verdicts.append(rejected(record, "bad_properties", reason, is_permanent=True))
            continue
        event = {
            **_address(_own(record)),
            "eventName": record.fields.get("name"),
            "id": f"{batch.sync}-{record.key}",
            "createdAt": unix(record.occurred_at),
            "dataFields": fields,
        }
        told.append(record)
        events.append({name: value for name, value in event.items() if value is not None})
    if told:
        response = yield Request("POST", "/api/events/trackBulk", json={"events": events})
        verdicts += _read(told, response, _own)
    return nameless + verdicts


def _read(records: Sequence[Record], response: Response, identity: Any) -> list[Verdict]:
    """Give each record its verdict: Iterable names those it did not take, by address or id."""
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "successCount" not in answer:
        return refusal(records, response, WORDS)
    by_identity: dict[str, list[Record]] = {}
    for record in records:
        by_identity.setdefault(identity(record).lower(), []).append(record)
    refused: dict[str, Verdict] = {}
    for code, name in _failures(answer):
        for record in by_identity.get(name.lower(), ()):
            refused[record.key] = rejected(record, code, f"{FAILURES[code]}.")
    failed = answer.get("failCount")
    if not refused and isinstance(failed, int) and failed:
        raise Refused("failures", f"Iterable did not take {failed} of these, and does not say why.")
    taken = [record for record in records if record.key not in refused]
    return [*acknowledged(taken), *refused.values()]


def _failures(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place in (answer, part(answer, "failedUpdates")):
        for code in FAILURES:
            names = place.get(code)
            for name in names if isinstance(names, list) else ():
                yield code, str(name)


def _must(response: Response) -> Mapping[str, Any]:
    answer = response.json()
    if response.ok and isinstance(answer, dict):
        return answer
    raise Refused(*complaint_of(response, WORDS))


destination: Destination = Iterable()
