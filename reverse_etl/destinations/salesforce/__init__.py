"""Salesforce: records of any object, by an external id; members of campaigns.

Requires the instance's address in ``SALESFORCE_URL`` (``https://example.my.salesforce.com``) and
the scope ``api``, by a refresh token or an access token in ``SALESFORCE_TOKEN``. The sync's one
match column is the object's external id field. Columns are the object's fields, in its own
spelling; a null clears the field. Fields that opt people in or out are not written. An audience
is a campaign of its label's name; members need ``ContactId`` or ``LeadId``, and may have a
``Status``. Who was a member before we came is not removed.

    exposures:
      - name: salesforce_contacts
        type: application
        owner: {name: Sales, email: sales@example.com}
        depends_on: [ref('sync_salesforce_contacts')]
        config:
          meta:
            sync:
              destination: salesforce
              object: Contact
              mode: mirror
              key: [person_id]
              match: [Person_Id__c]
              purpose: service

Batches of up to 2,000 records go through sObject Collections, 200 a request, with an answer for
each record; larger ones through one job of Bulk API 2.0 each, which is polled, and whose
successful, failed and unprocessed records are read.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
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
from reverse_etl.channel.inspection import Inspection
from reverse_etl.channel.oauth import OAuth
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import (
    entries,
    readable,
    refuse_or_wait,
    rejected,
    text_of,
    unread,
    waiting,
    without_consent_fields,
    without_repeats,
)
from reverse_etl.destinations.salesforce.bulk import run_job
from reverse_etl.destinations.salesforce.schema import lacking

COLLECTION = 200
LARGEST_IN_COLLECTIONS = 2_000
# Nothing that is wrong with the record: it is locked, or Salesforce is busy.
PASSING = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "QUERY_TIMEOUT"}
MEMBER_IDS = ("ContactId", "LeadId")
OPT_OUTS = ("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")
LIMITS = Limits(rows=50_000, bytes=20_000_000, requests_per_second=10, concurrency=4)


def _version(settings: Mapping[str, str]) -> str:
    return f"/services/data/{settings.get('VERSION') or 'v62.0'}"


class Salesforce:
    """Salesforce's REST API and its Bulk API 2.0."""

    slug = "salesforce"
    label = "Salesforce"
    base_url = ""
    oauth = OAuth(token_url="https://login.salesforce.com/services/oauth2/token", scope="api")
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token with the scope api", secret=True, required=False),
        Setting("VERSION", "API version", required=False, default="v62.0"),
    )
    # What any object can do that the organisation has, in Salesforce's spelling: Account, My__c.
    any_object = ChannelObject(
        "Contact",
        modes=("upsert", "mirror"),
        limits=LIMITS,
        no_others="an upsert tells what was there only after it has written it",
        probe=Probe(Request("GET", "/services/data/{VERSION}/limits"), needs=("the scope api",)),
    )
    objects: tuple[ChannelObject, ...] = (
        any_object,
        ChannelObject(
            "CampaignMember",
            modes=("audience",),
            limits=replace(LIMITS, rows=LARGEST_IN_COLLECTIONS),
            match=MEMBER_IDS,
            fields=(*MEMBER_IDS, "Status"),
            probe=any_object.probe,
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the campaign by its name, the audience's label, or create it."""
        if object_name != "CampaignMember":
            raise Refused("not_an_audience", f"Salesforce {object_name} cannot hold an audience.")
        name = (label or audience)[:80]
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        query = f"SELECT Id FROM Campaign WHERE Name = '{quoted}' ORDER BY CreatedDate LIMIT 1"
        path = f"{_version(settings)}/query"
        response = yield Request("GET", path, params={"q": query})
        answer = response.json()
        if not response.ok or not isinstance(answer, dict):
            raise Refused(*complaint_of(response))
        for found in entries(answer, "records"):
            return str(found["Id"])
        # Sent again after a lost answer it would make a second campaign of the same name.
        path = f"{_version(settings)}/sobjects/Campaign"
        campaign = {"Name": name, "IsActive": True}
        response = yield Request("POST", path, json=campaign, repeatable=False)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or not answer.get("id"):
            raise Refused(*complaint_of(response))
        return str(answer["id"])

    def inspect(
        self, object_name: str, columns: Mapping[str, str], settings: Mapping[str, str]
    ) -> Inspection:
        """Name the columns that are no fields of the object, or may not be written."""
        return (yield from lacking(_version(settings), object_name, columns))

    def converse(self, batch: Batch) -> Conversation:
        """Upsert or delete records."""
        if batch.operation == "remove":
            sendable, verdicts = _known(batch.records)
            if len(sendable) > LARGEST_IN_COLLECTIONS:
                ids = {str(record.channel_id): record for record in sendable}
                rows = [{"Id": record.channel_id} for record in sendable]
                return verdicts + (yield from run_job(batch, _version(batch.settings), ids, rows))
            return verdicts + (yield from _delete(batch, sendable))
        if batch.audience is not None:
            return (yield from _join(batch, batch.audience.channel_id))
        if len(batch.match) != 1:
            reason = "The sync must name one match column, the external id field of the object."
            raise Refused("no_external_id_field", reason)
        field = batch.match[0]
        allowed, held = without_consent_fields(batch.records, OPT_OUTS)
        sendable, verdicts = without_repeats(allowed, lambda r: text_of(r.fields, field), field)
        verdicts += held
        if len(sendable) > LARGEST_IN_COLLECTIONS:
            found = {text_of(record.fields, field): record for record in sendable}
            fields = [record.fields for record in sendable]
            version = _version(batch.settings)
            return verdicts + (yield from run_job(batch, version, found, fields, field))
        return verdicts + (yield from _upsert(batch, sendable, field))


def _known(records: Sequence[Record]) -> tuple[list[Record], list[Verdict]]:
    """Return the records whose Salesforce id is known, and verdicts of the others."""
    reason = "Its id at Salesforce is not known, so that it cannot be deleted."
    unknown = [record for record in records if not record.channel_id]
    verdicts = [rejected(record, "unknown_id", reason) for record in unknown]
    return [record for record in records if record.channel_id], verdicts


def _upsert(
    batch: Batch, records: list[Record], field: str
) -> Generator[Request, Response, list[Verdict]]:
    verdicts: list[Verdict] = []
    path = f"{_version(batch.settings)}/composite/sobjects/{batch.object}/{field}"
    for start in range(0, len(records), COLLECTION):
        some = records[start : start + COLLECTION]
        kind = {"attributes": {"type": batch.object}}
        content = {"allOrNone": False, "records": [{**kind, **record.fields} for record in some]}
        verdicts += _read(some, (yield Request("PATCH", path, json=content)))
    return verdicts


def _join(batch: Batch, campaign: str) -> Generator[Request, Response, list[Verdict]]:
    """Add members to a campaign, or write their status; whose contact changed joins anew."""
    sendable, verdicts = without_repeats(
        batch.records, lambda record: _member(record.fields), " or ".join(MEMBER_IDS)
    )
    moved = [
        record
        for record in sendable
        if record.channel_id and _member(record.sent_match) != _member(record.fields)
    ]
    gone = {verdict.key: verdict for verdict in (yield from _delete(batch, moved))}
    stuck = {key for key, verdict in gone.items() if verdict.status != "acknowledged"}
    verdicts += [gone[key] for key in stuck]
    staying = [record for record in sendable if record.channel_id and record.key not in gone]
    joining = [record for record in sendable if not record.channel_id or record.key in gone]
    joining = [record for record in joining if record.key not in stuck]
    kind = {"attributes": {"type": batch.object}}
    path = f"{_version(batch.settings)}/composite/sobjects"
    for start in range(0, len(joining), COLLECTION):
        some = joining[start : start + COLLECTION]
        rows = [{**kind, "CampaignId": campaign, **_given(record)} for record in some]
        content = {"allOrNone": False, "records": rows}
        # Sent again after a lost answer it is told that they are members: no harm is done.
        verdicts += _read(some, (yield Request("POST", path, json=content)))
    for start in range(0, len(staying), COLLECTION):
        some = staying[start : start + COLLECTION]
        rows = [{**kind, "id": r.channel_id, "Status": r.fields.get("Status")} for r in some]
        content = {"allOrNone": False, "records": rows}
        verdicts += _read(some, (yield Request("PATCH", path, json=content)))
    return verdicts


def _member(fields: Mapping[str, Any]) -> str:
    return next((text for name in MEMBER_IDS if (text := text_of(fields, name))), "")


def _given(record: Record) -> dict[str, Any]:
    """Return what a new member has; of both ids the contact's counts, Salesforce takes one."""
    name = next(name for name in MEMBER_IDS if text_of(record.fields, name))
    status = record.fields.get("Status")
    return {name: record.fields[name], **({"Status": status} if status else {})}


def _delete(batch: Batch, records: list[Record]) -> Generator[Request, Response, list[Verdict]]:
    verdicts: list[Verdict] = []
    for start in range(0, len(records), COLLECTION):
        some = records[start : start + COLLECTION]
        params = {"ids": ",".join(str(record.channel_id) for record in some), "allOrNone": "false"}
        path = f"{_version(batch.settings)}/composite/sobjects"
        verdicts += _read(some, (yield Request("DELETE", path, params=params)))
    return verdicts


def _read(records: list[Record], response: Response) -> list[Verdict]:
    """Return the verdicts of an answer that speaks of each record, by position."""
    answer = response.json()
    if not response.ok:
        return refuse_or_wait(records, response, *complaint_of(response))
    if not isinstance(answer, list) or len(answer) != len(records):
        return unread(records, response)
    return [_verdict(record, result) for record, result in zip(records, answer, strict=True)]


def _verdict(record: Record, result: Any) -> Verdict:
    if not isinstance(result, dict) or not isinstance(result.get("success"), bool):
        return waiting([record], "no_result", "Salesforce does not say what became of it.")[0]
    if result["success"]:
        number = result.get("id")
        return Verdict(
            record.key, "acknowledged", channel_id=number if isinstance(number, str) else None
        )
    error = next(iter(entries(result, "errors")), {})
    code = str(error.get("statusCode") or "unknown")
    named = error.get("fields")
    fields = ", ".join(map(str, named)) if isinstance(named, list) else ""
    reason = readable(f"{error.get('message') or code}{f' ({fields})' if fields else ''}")
    if code == "DUPLICATE_VALUE" and "campaign member" in reason.lower():
        return Verdict(record.key, "acknowledged")
    if code == "ENTITY_IS_DELETED" and record.operation == "remove":
        return Verdict(record.key, "acknowledged")
    if code in PASSING:
        return waiting([record], code, reason)[0]
    return rejected(record, code, reason)


destination: Destination = Salesforce()
