"""Campaigns, which are Salesforce's audiences: found by name or made, and their members."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.exchange import Preparation, Refused, Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries, text_of, without_repeats
from reverse_etl.destinations.salesforce.answers import WORDS
from reverse_etl.destinations.salesforce.sobject_collections import COLLECTION, delete, read

MEMBER_IDS = ("ContactId", "LeadId")


def find_or_create(version: str, name: str) -> Preparation:
    """Return the id of the campaign called ``name``."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    query = f"SELECT Id FROM Campaign WHERE Name = '{quoted}' ORDER BY CreatedDate LIMIT 1"
    path = f"{version}/query"
    response = yield Request("GET", path, params={"q": query})
    answer = response.json()
    if not response.ok or not isinstance(answer, dict):
        raise Refused(*complaint_of(response, WORDS))
    for found in entries(answer, "records"):
        return str(found["Id"])
    # Sent again after a lost answer it would make a second campaign of the same name.
    path = f"{version}/sobjects/Campaign"
    campaign = {"Name": name, "IsActive": True}
    response = yield Request("POST", path, json=campaign, repeatable=False)
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or not answer.get("id"):
        raise Refused(*complaint_of(response, WORDS))
    return str(answer["id"])


def join(batch: Batch, version: str, campaign: str) -> Generator[Request, Response, list[Verdict]]:
    """Add members to a campaign, or write their status; whose contact changed joins anew."""
    sendable, verdicts = without_repeats(
        batch.records, lambda record: _member(record.fields), " or ".join(MEMBER_IDS)
    )
    moved = [
        record
        for record in sendable
        if record.channel_id and _member(record.sent_match) != _member(record.fields)
    ]
    gone = {verdict.key: verdict for verdict in (yield from delete(version, moved))}
    stuck = {key for key, verdict in gone.items() if verdict.status != "acknowledged"}
    verdicts += [gone[key] for key in stuck]
    staying = [record for record in sendable if record.channel_id and record.key not in gone]
    joining = [record for record in sendable if not record.channel_id or record.key in gone]
    joining = [record for record in joining if record.key not in stuck]
    kind = {"attributes": {"type": batch.object}}
    path = f"{version}/composite/sobjects"
    for start in range(0, len(joining), COLLECTION):
        some = joining[start : start + COLLECTION]
        rows = [{**kind, "CampaignId": campaign, **_given(record)} for record in some]
        content = {"allOrNone": False, "records": rows}
        # Sent again after a lost answer it is told that they are members: no harm is done.
        verdicts += read(some, (yield Request("POST", path, json=content)))
    for start in range(0, len(staying), COLLECTION):
        some = staying[start : start + COLLECTION]
        rows = [{**kind, "id": r.channel_id, "Status": r.fields.get("Status")} for r in some]
        content = {"allOrNone": False, "records": rows}
        verdicts += read(some, (yield Request("PATCH", path, json=content)))
    return verdicts


def _member(fields: Mapping[str, Any]) -> str:
    return next((text for name in MEMBER_IDS if (text := text_of(fields, name))), "")


def _given(record: Record) -> dict[str, Any]:
    """Return what a new member has; of both ids the contact's counts, Salesforce takes one."""
    name = next(name for name in MEMBER_IDS if text_of(record.fields, name))
    status = record.fields.get("Status")
    return {name: record.fields[name], **({"Status": status} if status else {})}
