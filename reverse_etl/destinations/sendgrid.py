"""SendGrid: marketing contacts by e-mail address, and their membership of lists.

Requires an API key with full access to Marketing in ``SENDGRID_TOKEN``.

The columns are SendGrid's reserved fields; ``custom_fields`` holds a JSON object by field id.
An e-mail address is what SendGrid knows a contact by and cannot be changed: who has a new one is
written anew, and in mode mirror the contact under the old one is deleted. So are those who leave.

    exposures:
      - name: sendgrid_list_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_sendgrid_list_members')]
        config:
          meta:
            sync:
              destination: sendgrid
              object: list_members
              mode: audience
              key: [person_id]
              match: [email]
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
from reverse_etl.conversation.polling import follow
from reverse_etl.conversation.record_by_record import must
from reverse_etl.conversation.verdicts import (
    acknowledged,
    document_of,
    email_of,
    entries,
    part,
    rejected,
    unread,
    waiting,
    without_repeats,
)

CONTACTS = "/v3/marketing/contacts"
LISTS = "/v3/marketing/lists"
FIELDS = (
    *("email", "first_name", "last_name", "phone_number", "external_id", "unique_name"),
    *("address_line_1", "address_line_2", "city", "state_province_region", "postal_code"),
    *("country", "whatsapp", "line", "facebook", "custom_fields"),
)
# A search takes 100 addresses, and as many ids fit into the query string of a deletion.
LOOKED_UP_PER_REQUEST = 100
# 30,000 contacts or 6 MB.
LIMITS = Limits(rows=30_000, bytes=4_000_000, requests_per_second=10, concurrency=4)
PROBE = Probe(Request("GET", LISTS, params={"page_size": "1"}), needs=("full access to Marketing",))
WORDS = {"http_413": "The request is too large"}


class SendGrid:
    """SendGrid's Marketing Campaigns API."""

    slug = "sendgrid"
    label = "SendGrid"
    base_url = "https://api.sendgrid.com"
    settings: tuple[Setting, ...] = (Setting("TOKEN", "API key (SG.…)", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts",
            ("upsert", "mirror"),
            LIMITS,
            ("email",),
            FIELDS,
            no_others="an import tells nobody which contacts were there",
            probe=PROBE,
        ),
        ChannelObject("list_members", ("audience",), LIMITS, ("email",), FIELDS, probe=PROBE),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Content-Type": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the list by its name, the audience's label, or create it."""
        if object_name != "list_members":
            raise Refused("not_an_audience", f"SendGrid's {object_name} cannot hold an audience.")
        name = (label or audience)[:100]
        params = {"page_size": "1000"}
        while True:
            response = yield Request("GET", LISTS, params=params)
            must(response, lambda answer: len(answer["result"]) + 1, WORDS)
            answer = response.json()
            for found in entries(answer, "result"):
                if found.get("name") == name:
                    return str(found["id"])
            _, _, token = str(part(answer, "_metadata").get("next") or "").partition("page_token=")
            if not token:
                break
            params = {"page_size": "1000", "page_token": token.split("&")[0]}
        # Two lists cannot have one name: repeated after a lost answer, it is refused.
        created = yield Request("POST", LISTS, json={"name": name}, repeatable=False)
        return must(created, lambda answer: answer["id"], WORDS)

    def converse(self, batch: Batch) -> Conversation:
        """Import contacts, into a list if there is one, or take them out."""
        leaving = batch.operation == "remove"
        records, verdicts = without_repeats(batch.records, _sent if leaving else _own)
        list_id = batch.audience.channel_id if batch.audience else ""
        if leaving:
            return [*verdicts, *(yield from _remove(list_id, records))]
        joining = {_own(record) for record in records}
        moved = [record for record in records if _sent(record) not in ("", *joining)]
        if moved and (list_id or batch.mode == "mirror"):
            # The old address would stay, in the list or in the account, for ever.
            left = yield from _remove(list_id, moved)
            stuck = {verdict.key for verdict in left if verdict.status != "acknowledged"}
            verdicts += [verdict for verdict in left if verdict.key in stuck]
            records = [record for record in records if record.key not in stuck]
        return [*verdicts, *(yield from _import(list_id, records))]


def _own(record: Record) -> str:
    return email_of(record.fields)


def _sent(record: Record) -> str:
    """Return the address that SendGrid has; for a removal, any that is known."""
    known = email_of(record.sent_match)
    return known or (_own(record) if record.operation == "remove" else "")


def _contact(record: Record) -> dict[str, Any]:
    """Return a contact; an empty text clears on a change, and is left out on an add.

    Raises:
        ValueError: ``custom_fields`` is no JSON object.
    """
    contact: dict[str, Any] = {}
    for name, value in record.fields.items():
        if name == "custom_fields":
            custom = document_of(value)
            if custom:
                contact[name] = custom
        elif name in FIELDS and (value is not None or record.operation == "change"):
            contact[name] = "" if value is None else str(value)
    return contact


def _import(list_id: str, records: Sequence[Record]) -> Conversation:
    """Import contacts by a job, and read what became of them.

    SendGrid counts the contacts that it could not take, and names them in a file elsewhere; the
    engine halves the batch until they stand alone.
    """
    verdicts: list[Verdict] = []
    sent: list[Record] = []
    contacts: list[dict[str, Any]] = []
    for record in records:
        try:
            contacts.append(_contact(record))
            sent.append(record)
        except ValueError as error:
            reason = f"Its column 'custom_fields' {error}."
            verdicts.append(rejected(record, "bad_custom_fields", reason, is_permanent=True))
    if not sent:
        return verdicts
    body = {"contacts": contacts} | ({"list_ids": [list_id]} if list_id else {})
    response = yield Request("PUT", CONTACTS, json=body, remembered=True)
    job = part({"answer": response.json()}, "answer").get("job_id")
    if not response.ok or not job:
        return verdicts + refusal(sent, response, WORDS)
    return [*verdicts, *(yield from _collect(str(job), sent))]


def _collect(job: str, records: Sequence[Record]) -> Conversation:
    over = ("completed", "errored", "failed")
    response = yield from follow(
        f"{CONTACTS}/imports/{job}", lambda answer: answer.get("status") in over
    )
    if response is None:
        reason = "SendGrid was still importing after 10 minutes."
        return waiting(records, "still_processing", reason)
    answer = response.json()
    status = answer.get("status") if response.ok and isinstance(answer, dict) else None
    if status not in over:
        return unread(records, response)
    failed = part(answer, "results").get("errored_count")
    if status == "completed" and not failed:
        return acknowledged(records)
    count = failed if isinstance(failed, int) and failed else len(records)
    raise Refused("import_errors", f"SendGrid could not import {count} of these contacts.")


def _remove(list_id: str, records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
    """Take contacts out of a list, or out of the account. Whom it does not know is in neither."""
    verdicts: list[Verdict] = []
    for chunk in _chunks(records):
        ids = yield from _ids(chunk)
        if isinstance(ids, Response):
            verdicts += refusal(chunk, ids, WORDS)
            continue
        path, name = (
            (f"{LISTS}/{list_id}/contacts", "contact_ids") if list_id else (CONTACTS, "ids")
        )
        if ids:
            response = yield Request("DELETE", path, params={name: ",".join(sorted(ids.values()))})
            if not response.ok or not isinstance(response.json(), dict):
                verdicts += refusal(chunk, response, WORDS)
                continue
        verdicts += [
            Verdict(record.key, "acknowledged", channel_id=ids.get(_sent(record)))
            for record in chunk
        ]
    return verdicts


def _ids(records: Sequence[Record]) -> Generator[Request, Response, dict[str, str] | Response]:
    """Return the contacts' ids by address, or the answer that has none."""
    body = {"emails": [_sent(record) for record in records]}
    response = yield Request("POST", f"{CONTACTS}/search/emails", json=body)
    answer = response.json()
    if response.status == 404 and any(each.get("message") for each in entries(answer, "errors")):
        return {}  # it knows none of them
    if not response.ok or not isinstance(answer, dict) or "result" not in answer:
        return response
    found = part(answer, "result")
    contacts = {email.lower(): part(found.get(email), "contact") for email in found}
    return {email: str(each["id"]) for email, each in contacts.items() if "id" in each}


def _chunks(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for start in range(0, len(records), LOOKED_UP_PER_REQUEST):
        yield records[start : start + LOOKED_UP_PER_REQUEST]


destination: Destination = SendGrid()
