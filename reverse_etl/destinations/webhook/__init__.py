"""Any web address that takes JSON: rows are posted in batches, with a verdict for each row.

Requires ``WEBHOOK_URL``. ``WEBHOOK_TOKEN``, where set, is sent as a bearer token; with
``WEBHOOK_SECRET`` every request is signed by the Standard Webhooks scheme.

The body is ``{"sync", "run_id", "records": [{"operation", "key", "fields"}]}``, with operation
``upsert``, ``remove`` or ``append``; the header ``Idempotency-Key`` stays the same over retries.
Any 2xx acknowledges all; a 207 with ``{"results": [{"index", "status", "message"}]}`` speaks for
each record.

With ``update_only`` or ``create_only`` the operation is ``update`` or ``create`` instead of
``upsert``, and 404 or 409 for a record says that it is absent, or exists, and was left alone. With
``keep_edits`` a record carries ``unless_edited``: those fields as they were sent last (null where
they never were), each to be left as it is where the receiver holds something else by now.

``documents`` posts one JSON document per record instead: ``WEBHOOK_TEMPLATE`` with ``{{ column }}``
filled in, ``{{ key }}`` and ``{{ operation }}`` too, or the record's fields where there is none.

    exposures:
      - name: webhook_orders
        type: application
        owner: {name: Operations, email: operations@example.com}
        depends_on: [ref('sync_webhook_orders')]
        config:
          meta:
            sync:
              destination: webhook
              object: records
              mode: append
              key: [order_id]
              purpose: order_operations
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import orjson

from reverse_etl.channel.batch import Batch, Options, Record, as_json
from reverse_etl.channel.destination import ChannelObject, Destination, Limits, Setting
from reverse_etl.channel.exchange import (
    ABSENT,
    EXISTS,
    Conversation,
    Preparation,
    Refused,
    Request,
    Response,
    Verdict,
)
from reverse_etl.channel.records import VERBS, joined
from reverse_etl.conversation.verdicts import (
    acknowledged,
    entries,
    one_by_one,
    refuse_or_wait,
    rejected,
    skipped,
    unread,
    waiting,
)
from reverse_etl.destinations.webhook.templates import UnknownColumn, fill, read_template
from reverse_etl.errors import SeamlineError


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature`` of the exact bytes sent.

    A secret in the scheme's own form is ``whsec_`` and base64; anything else is taken as it is.
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise SeamlineError(
                "The webhook's SECRET is not base64 after whsec_; copy it from the receiver again."
            ) from None
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _spoken(record: Record, result: Mapping[str, Any], options: Options) -> Verdict:
    """Return the verdict that one entry of a 207 gives."""
    code = str(result.get("status", ""))
    if (code == "404" and options.update_only) or (code == "409" and options.create_only):
        return skipped(record, ABSENT if options.update_only else EXISTS)
    message = result.get("message") or f"The receiver answered {code} for this record."
    if code.startswith("2"):
        return Verdict(record.key, "acknowledged")
    if code == "429" or code.startswith("5"):
        return waiting([record], code, message)[0]
    return rejected(record, code, message)


def _each(
    records: Sequence[Record], results: Sequence[Mapping[str, Any]], options: Options
) -> list[Verdict]:
    """Return a verdict per record from the results of a 207, which may come in any order."""
    by_index = {item.get("index"): item for item in results}
    verdicts = []
    for index, record in enumerate(records):
        if index in by_index:
            verdicts.append(_spoken(record, by_index[index], options))
        else:
            reason = "The receiver's answer did not mention this record."
            verdicts += waiting([record], "no_verdict", reason)
    return verdicts


def _records(batch: Batch) -> bytes | memoryview:
    """Return the body's records, without brackets: SQL's own text where nothing is added."""
    if not batch.options.chosen:
        return joined(batch.records)
    entries = (_entry(record, batch.options) for record in batch.records)
    return b",".join(orjson.dumps(entry, default=as_json) for entry in entries)


def _entry(record: Record, options: Options) -> dict[str, Any]:
    """Return one record of the body."""
    operation = VERBS[record.operation]
    if operation == "upsert" and (options.update_only or options.create_only):
        operation = "update" if options.update_only else "create"
    entry = {"operation": operation, "key": record.key, "fields": record.fields}
    if options.keep_edits and operation != "remove":
        entry["unless_edited"] = {n: record.sent_match.get(n) for n in options.keep_edits}
    return entry


class Webhook:
    """The generic webhook. ``clock`` gives the time that a signature carries."""

    slug = "webhook"
    label = "Webhook"
    base_url = ""
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "bearer token the receiver expects", secret=True, required=False),
        Setting("SECRET", "Standard Webhooks signing secret", secret=True, required=False),
        Setting("TEMPLATE", "JSON of one document, with {{ column }} in it", required=False),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "records",
            modes=("upsert", "mirror", "append"),
            limits=Limits(rows=1_000, bytes=1_000_000, requests_per_second=100),
            options=("update_only", "create_only", "keep_edits"),
        ),
        ChannelObject(
            "documents",
            modes=("upsert", "mirror", "append"),
            limits=Limits(rows=1, bytes=1_000_000, requests_per_second=100),
        ),
    )

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        headers = {"Content-Type": "application/json"}
        if settings.get("TOKEN"):
            headers["Authorization"] = f"Bearer {settings['TOKEN']}"
        return headers

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Refuse: a webhook knows rows, not lists."""
        yield from ()
        raise Refused("not_an_audience", "A webhook cannot hold an audience.")

    def converse(self, batch: Batch) -> Conversation:
        """Post the batch once, or each of its records by itself."""
        if batch.object == "documents":
            return (yield from one_by_one(batch.records, lambda each: self._post(batch, each)))
        response = yield self._request(batch)
        answer = response.json()
        if response.status == 207:
            results = entries(answer, "results")
            if not results:
                return unread(batch.records, response)
            return _each(batch.records, results, batch.options)
        if response.ok:
            return acknowledged(batch.records)
        return refuse_or_wait(
            batch.records, response, f"http_{response.status}", _complaint(response, answer)
        )

    def _post(self, batch: Batch, record: Record) -> Generator[Request, Response, Verdict]:
        values = {**record.fields, "key": record.key, "operation": VERBS[record.operation]}
        template = batch.settings.get("TEMPLATE")
        try:
            document = fill(read_template(template), values) if template else record.fields
        except UnknownColumn as unknown:
            reason = f"The template names '{unknown}', which is no column of the sync."
            return rejected(record, "unknown_column", reason)
        body = orjson.dumps(document, default=as_json)
        response = yield self._signed(batch, body, f"{batch.batch_id}-{record.key}")
        if response.ok:
            return acknowledged([record])[0]
        complaint = _complaint(response, response.json())
        return refuse_or_wait([record], response, f"http_{response.status}", complaint)[0]

    def _request(self, batch: Batch) -> Request:
        names = orjson.dumps({"sync": batch.sync, "run_id": batch.run_id})
        body = b"".join((names[:-1], b',"records":[', _records(batch), b"]}"))
        return self._signed(batch, body, batch.batch_id)

    def _signed(self, batch: Batch, body: bytes, message_id: str) -> Request:
        headers = {"Idempotency-Key": message_id}
        secret = batch.settings.get("SECRET")
        if secret:
            timestamp = int(self.clock())
            headers["webhook-id"] = message_id
            headers["webhook-timestamp"] = str(timestamp)
            headers["webhook-signature"] = signature(secret, message_id, timestamp, body)
        return Request("POST", "", body=body, headers=headers)


def _complaint(response: Response, answer: Any) -> str:
    """Return what the receiver says is wrong, where it says so in a common way."""
    if isinstance(answer, dict):
        for name in ("message", "error", "detail"):
            if isinstance(answer.get(name), str):
                return str(answer[name])
    return f"The receiver answered {response.status}."


destination: Destination = Webhook()
