"""Braze: users with their attributes, audiences, events and purchases, by ``external_id``.

Requires a REST API key with the permissions ``users.track`` and, for removals, ``users.delete``, in
``BRAZE_TOKEN``, and the REST endpoint of the account's instance in ``BRAZE_URL``. A key that may
``users.external_ids.rename`` lets a user keep its history where its id changes.

``users`` writes every column as an attribute of that name; in mode mirror, users who leave are
deleted. ``audience_members`` keeps the labels of somebody's audiences in one array attribute,
``audiences`` unless ``BRAZE_AUDIENCE_ATTRIBUTE`` says otherwise: a segment in Braze filters on it.
``events`` and ``purchases`` are told once, because Braze does not recognise a repetition.

Where an account takes fewer than 75 objects a request, the sync says so: ``limits: {rows: …}``.

    exposures:
      - name: braze_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_braze_audience_members')]
        config:
          meta:
            sync:
              destination: braze
              object: audience_members
              mode: audience
              key: [person_id]
              match: [external_id]
              purpose: email_marketing
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
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
from reverse_etl.conversation.instants import iso
from reverse_etl.conversation.verdicts import (
    acknowledged,
    document_of,
    entries,
    rejected,
    text_of,
    unidentified,
    unread,
    without_consent_fields,
    without_repeats,
)

TRACK = "/users/track"
ID = "external_id"
# Deletions and renamings take fewer than the 75 objects of a track request.
FEW = 50
CONSENT = ("email_subscribe", "push_subscribe", "subscription_groups")
TAKEN = ("success", "queued")
WORDS = {
    "http_400": "Braze cannot read the request",
    "The value provided for the 'external_id' field is not valid.": "Its external_id is not valid",
    "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required": (
        "Braze cannot tell who it is about"
    ),
}
# An empty body is refused with a 400, but only for whom Braze knows and lets track.
PROBE = Probe(Request("POST", TRACK, json={}), needs=("users.track",), passes=(400,))
# 3,000 requests in 3 seconds.
LIMITS = Limits(rows=75, bytes=1_000_000, requests_per_second=1_000)


class Braze:
    """Braze's user data endpoints."""

    slug = "braze"
    label = "Braze"
    base_url = ""
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "REST API key", secret=True),
        Setting(
            "AUDIENCE_ATTRIBUTE", "array attribute that names audiences", False, False, "audiences"
        ),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "users",
            ("upsert", "mirror"),
            LIMITS,
            (ID,),
            no_others="Braze queues a batch, and tells nobody which users were there",
            probe=PROBE,
        ),
        ChannelObject("audience_members", ("audience",), LIMITS, (ID,), probe=PROBE),
        ChannelObject(
            "events", ("append",), LIMITS, (ID,), (ID, "name", "properties"), probe=PROBE
        ),
        ChannelObject(
            "purchases",
            ("append",),
            LIMITS,
            (ID,),
            (ID, "product_id", "currency", "price", "quantity", "properties"),
            probe=PROBE,
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Return the label: an attribute's value needs no making."""
        yield from ()
        if object_name != "audience_members":
            raise Refused("not_an_audience", f"Braze's {object_name} cannot hold an audience.")
        return label or audience

    def converse(self, batch: Batch) -> Conversation:
        """Track a batch, or delete users."""
        if batch.mode == "append":
            return (yield from _tell(batch))
        if batch.operation == "remove" and batch.audience is None:
            return (yield from _delete(batch.records))
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        leaving = batch.operation == "remove"
        records, repeated = without_repeats(records, _sent if leaving else _own, ID)
        verdicts += repeated
        moved = [] if leaving else [r for r in records if _sent(r) not in ("", _own(r))]
        notes: dict[str, Verdict] = {}
        if batch.audience is None:
            notes = yield from _rename(moved)
            objects = [_attributes(record) for record in records]
        else:
            name = batch.settings.get("AUDIENCE_ATTRIBUTE") or "audiences"
            label = batch.audience.channel_id
            left = [_left(_sent(record), name, label) for record in moved]
            if left:
                response = yield Request("POST", TRACK, json={"attributes": left})
                if not _is_taken(response):
                    return verdicts + refusal(records, response)
            objects = [
                _left(_sent(record), name, label)
                if leaving
                else {**_attributes(record), name: {"add": [label]}}
                for record in records
            ]
        if not records:
            return verdicts
        response = yield Request("POST", TRACK, json={"attributes": objects})
        found = _read(records, response, "attributes")
        return verdicts + [
            notes.get(verdict.key, verdict) if verdict.status == "acknowledged" else verdict
            for verdict in found
        ]


def _own(record: Record) -> str:
    return text_of(record.fields, ID)


def _sent(record: Record) -> str:
    """Return the id under which Braze knows the user; for a removal, any that is known."""
    known = text_of(record.sent_match, ID)
    return known or (_own(record) if record.operation == "remove" else "")


def _attributes(record: Record) -> dict[str, Any]:
    """Return a user's attributes; what is empty clears on a change, and is left out on an add."""
    return {
        name: value
        for name, value in record.fields.items()
        if value is not None or record.operation == "change"
    }


def _left(external_id: str, name: str, label: str) -> dict[str, Any]:
    """Return the update that takes a label off; it makes no user of somebody who is gone."""
    return {ID: external_id, "_update_existing_only": True, name: {"remove": [label]}}


def _tell(batch: Batch) -> Conversation:
    """Send events or purchases, once."""
    told: list[Record] = []
    objects: list[dict[str, Any]] = []
    verdicts: list[Verdict] = []
    for record in batch.records:
        if not _own(record):
            verdicts.append(unidentified(record, ID))
            continue
        try:
            properties = document_of(record.fields.get("properties"))
        except ValueError as error:
            reason = f"Its column 'properties' {error}."
            verdicts.append(rejected(record, "bad_properties", reason, is_permanent=True))
            continue
        entry = {n: v for n, v in record.fields.items() if n != "properties" and v is not None}
        entry["time"] = iso(record.occurred_at)
        if properties:
            entry["properties"] = properties
        told.append(record)
        objects.append({name: value for name, value in entry.items() if value is not None})
    if not told:
        return verdicts
    response = yield Request("POST", TRACK, json={batch.object: objects}, repeatable=False)
    return verdicts + _read(told, response, batch.object)


def _is_taken(response: Response) -> bool:
    answer = response.json()
    return response.ok and isinstance(answer, dict) and answer.get("message") in TAKEN


def _read(records: Sequence[Record], response: Response, array: str) -> list[Verdict]:
    """Give each record its verdict: Braze names those that it left out by their place."""
    answer = response.json()
    if not _is_taken(response):
        return refusal(records, response, WORDS)
    refused = {}
    for error in entries(answer, "errors"):
        place = error.get("index")
        if error.get("input_array", array) != array or not isinstance(place, int):
            return unread(records, response)
        if 0 <= place < len(records):
            said = str(error.get("type") or "Braze did not say why.")
            reason = f"{WORDS[said]} ({said})" if said in WORDS else said
            refused[records[place].key] = rejected(records[place], "track_error", reason)
    taken = [record for record in records if record.key not in refused]
    return [*acknowledged(taken), *refused.values()]


def _delete(records: Sequence[Record]) -> Conversation:
    verdicts: list[Verdict] = []
    known, unknown = without_repeats(records, _sent, ID)
    for chunk in _chunks(known):
        body = {"external_ids": [_sent(record) for record in chunk]}
        response = yield Request("POST", "/users/delete", json=body)
        taken = _is_taken(response)
        verdicts += list(acknowledged(chunk)) if taken else refusal(chunk, response, WORDS)
    return unknown + verdicts


def _rename(moved: Sequence[Record]) -> Generator[Request, Response, dict[str, Verdict]]:
    """Give users their new ids, so that they keep their history.

    Returns what to say of those that Braze did not rename: they start anew under the new id, and
    the old user stays as it is.
    """
    notes: dict[str, Verdict] = {}
    for chunk in _chunks(moved):
        renames = [
            {"current_external_id": _sent(record), "new_external_id": _own(record)}
            for record in chunk
        ]
        body = {"external_id_renames": renames}
        response = yield Request("POST", "/users/external_ids/rename", json=body)
        answer = response.json()
        done = answer.get("external_ids") if response.ok and isinstance(answer, dict) else None
        renamed = {str(each) for each in done} if isinstance(done, list) else set()
        for record in chunk:
            if not renamed & {_sent(record), _own(record)}:
                reason = "Braze did not rename the user; it keeps the old one beside the new."
                notes[record.key] = Verdict(record.key, "acknowledged", "not_renamed", reason)
    return notes


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(records), FEW):
        yield records[start : start + FEW]


destination: Destination = Braze()
