"""Customer.io: people, their membership of manual segments, and events, by the Track API.

Requires a Track API key: its site id in ``CUSTOMERIO_SITE_ID`` and the key in
``CUSTOMERIO_API_KEY``. A workspace in the EU has ``CUSTOMERIO_URL=https://track-eu.customer.io``.

People are known by the column ``id``, else by ``email``; the other columns become attributes. In
mode mirror, people who leave are deleted. Segments cannot be made by this API: make a manual one in
Customer.io and name it, with the number in its address, in ``CUSTOMERIO_SEGMENTS``:
``Abandoned cart=7, Best customers=9``. Members of segments need an ``id``.

    exposures:
      - name: customerio_people
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_customerio_people')]
        config:
          meta:
            sync:
              destination: customerio
              object: people
              mode: upsert
              key: [person_id]
              match: [id]
              purpose: email_marketing
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from reverse_etl.channel.batch import Batch, Record, as_json
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
    Verdict,
)
from reverse_etl.conversation.complaints import complaint_of, refusal
from reverse_etl.conversation.instants import unix
from reverse_etl.conversation.verdicts import (
    acknowledged,
    document_of,
    entries,
    rejected,
    text_of,
    unidentified,
    unread,
    waiting,
    without_consent_fields,
    without_repeats,
)

BATCH = "/api/v2/batch"
IDENTIFIERS = ("id", "email")
CONSENT = ("unsubscribed", "cio_subscription_preferences")
# A request holds 500 kB, and each entry of it 32 kB; the margin is what wraps the columns.
LARGEST_ENTRY = 32_000
LIMITS = Limits(rows=500, bytes=350_000, requests_per_second=100)
WORDS = {
    "required": "A field that Customer.io needs is missing",
    "invalid": "Customer.io cannot read a value",
    "parse_error": "Customer.io cannot read the request",
}
PROBE = Probe(Request("GET", "/api/v1/accounts/region"))
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(key: str, milliseconds: int) -> str:
    """Return the id by which Customer.io knows an event again, the same for the same event.

    A ULID is 48 bits of time and 80 others in Crockford's base 32; here the others come from a
    hash of the record's key.
    """
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest()[:10], "big")
    number = (milliseconds % 2**48) << 80 | digest
    return "".join(BASE32[number >> shift & 31] for shift in range(125, -1, -5))


class CustomerIo:
    """Customer.io's Track API."""

    slug = "customerio"
    label = "Customer.io"
    base_url = "https://track.customer.io"
    settings: tuple[Setting, ...] = (
        Setting("SITE_ID", "site id of a Track API key"),
        Setting("API_KEY", "the Track API key", secret=True),
        Setting("SEGMENTS", "manual segments by name: Abandoned cart=7, …", required=False),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "people",
            ("upsert", "mirror"),
            LIMITS,
            IDENTIFIERS,
            no_others="the Track API writes only, and tells nobody which people were there",
            probe=PROBE,
        ),
        ChannelObject("segment_members", ("audience",), LIMITS, ("id",), probe=PROBE),
        ChannelObject(
            "events",
            ("append",),
            LIMITS,
            IDENTIFIERS,
            (*IDENTIFIERS, "name", "properties"),
            probe=PROBE,
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        key = base64.b64encode(f"{settings['SITE_ID']}:{settings['API_KEY']}".encode()).decode()
        return {"Authorization": f"Basic {key}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Return the number that the settings give for the segment."""
        yield from ()
        if object_name != "segment_members":
            raise Refused(
                "not_an_audience", f"Customer.io's {object_name} cannot hold an audience."
            )
        name = label or audience
        for entry in settings.get("SEGMENTS", "").split(","):
            known, _, number = entry.rpartition("=")
            if known.strip() == name and number.strip().isdigit():
                return number.strip()
        raise Refused(
            "unknown_segment",
            f"make a manual segment '{name}' in Customer.io and name it in the setting SEGMENTS: "
            f"'{name}=' and the number in its address.",
        )

    def converse(self, batch: Batch) -> Conversation:
        """Send a batch of people or events; members join their segment after they are known."""
        if batch.mode == "append":
            events = [(record, _event(record, batch.sync)) for record in batch.records]
            return (yield from _send(events))
        records, verdicts = without_consent_fields(batch.records, CONSENT)
        records, repeated = without_repeats(records, _identity, "id or e-mail address")
        verdicts += repeated
        if batch.audience is None:
            return [*verdicts, *(yield from _send([(r, _person(r)) for r in records]))]
        segment = f"/api/v1/segments/{batch.audience.channel_id}"
        nameless = [record for record in records if not _id(record)]
        verdicts += [unidentified(record, "id") for record in nameless]
        members = [record for record in records if _id(record)]
        if batch.operation != "remove":
            identified = yield from _send([(record, _person(record)) for record in members])
            taken = {each.key for each in identified if each.status == "acknowledged"}
            verdicts += [each for each in identified if each.key not in taken]
            members = [record for record in members if record.key in taken]
        if members:
            how = "remove_customers" if batch.operation == "remove" else "add_customers"
            body = {"ids": [_id(record) for record in members]}
            response = yield Request("POST", f"{segment}/{how}", json=body)
            if not response.ok:
                return verdicts + refusal(members, response, WORDS)
            verdicts += acknowledged(members)
        return verdicts


def _identity(record: Record) -> str:
    """Return what Customer.io knows the person by: what was sent last, where that was sent."""
    (value,) = _identifiers(record).values() or ("",)
    return value


def _identifiers(record: Record) -> dict[str, str]:
    for fields in (record.sent_match, record.fields):
        for name in IDENTIFIERS:
            value = text_of(fields, name)
            if value:
                return {name: value.lower() if name == "email" else value}
    return {}


def _id(record: Record) -> str:
    return text_of(record.fields, "id") or text_of(record.sent_match, "id")


def _person(record: Record) -> list[dict[str, Any]]:
    """Return the entries of a person; a new id takes over what the old one had."""
    known = _identifiers(record)
    if record.operation == "remove":
        return [{"type": "person", "identifiers": known, "action": "delete"}]
    own = text_of(record.fields, "id")
    identifiers = {"id": own} if own else known
    attributes = {
        name: value
        for name, value in record.fields.items()
        if name != "id" and (value is not None or record.operation == "change")
    }
    said: list[dict[str, Any]] = [
        {
            "type": "person",
            "identifiers": identifiers,
            "action": "identify",
            "attributes": attributes,
        }
    ]
    if "id" in known and own not in ("", known["id"]):
        ids = {"primary": {"id": own}, "secondary": known}
        said.append({"type": "person", "action": "merge", **ids})
    return said


def _event(record: Record, sync: str) -> list[dict[str, Any]] | str:
    """Return the entry of an event, or why there can be none."""
    known = _identifiers(record)
    if not known:
        return "missing_identifier"
    try:
        properties = document_of(record.fields.get("properties")) or {}
    except ValueError:
        return "bad_properties"
    at = unix(record.occurred_at)
    entry: dict[str, Any] = {
        "type": "person",
        "identifiers": known,
        "action": "event",
        "id": ulid(f"{sync} {record.key}", (at or 0) * 1_000),
        "name": record.fields.get("name"),
        "attributes": properties,
    }
    return [entry if at is None else {**entry, "timestamp": at}]


def _send(said: Sequence[tuple[Record, list[dict[str, Any]] | str]]) -> Conversation:
    """Send entries in one batch; the answer names those that it refuses by their place."""
    verdicts: list[Verdict] = []
    senders: list[Record] = []
    batch: list[dict[str, Any]] = []
    for record, found in said:
        if isinstance(found, str):
            verdicts.append(_unsayable(record, found))
        elif max(len(orjson.dumps(entry, default=as_json)) for entry in found) > LARGEST_ENTRY:
            verdicts.append(_unsayable(record, "too_large"))
        else:
            senders += [record] * len(found)
            batch += found
    records = list({record.key: record for record in senders}.values())
    if not batch:
        return verdicts
    response = yield Request("POST", BATCH, json={"batch": batch})
    answer = response.json()
    if not response.ok or not isinstance(answer, dict):
        return verdicts + refusal(records, response, WORDS)
    errors = entries(answer, "errors")
    if response.status == 207 and not errors:
        return verdicts + unread(records, response)
    refused: dict[str, Verdict] = {}
    for error in errors:
        place = error.get("batch_index")
        if not isinstance(place, int) or not 0 <= place < len(senders):
            return verdicts + waiting(records, *complaint_of(response, WORDS))
        code = str(error.get("reason") or "error")
        named = " ".join(str(error[part]) for part in ("field", "message") if error.get(part))
        words = f"{WORDS[code]} ({named})" if code in WORDS else named or code
        refused.setdefault(senders[place].key, rejected(senders[place], code, words))
    taken = [record for record in records if record.key not in refused]
    return [*verdicts, *acknowledged(taken), *refused.values()]


def _unsayable(record: Record, code: str) -> Verdict:
    reason = {
        "too_large": f"It is larger than the {LARGEST_ENTRY:,} bytes that Customer.io takes.",
        "bad_properties": "Its column 'properties' is no JSON object.",
    }.get(code)
    if reason is None:
        return unidentified(record, "id or e-mail address")
    return rejected(record, code, reason, is_permanent=True)


destination: Destination = CustomerIo()
