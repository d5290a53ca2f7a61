"""HubSpot's static lists: made by name, filled with the ids of contacts."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from urllib.parse import quote

from reverse_etl.channel.batch import Options, Record
from reverse_etl.channel.exchange import Preparation, Refused, Request, Response, Verdict
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import part, unread, waiting
from reverse_etl.destinations.hubspot.answers import refusal
from reverse_etl.destinations.hubspot.crm_objects import CrmObjects

LISTS = "/crm/v3/lists"
CONTACT = "0-1"  # HubSpot's type id
FIXED = ("MANUAL", "SNAPSHOT")
_ANSWERS = {"recordsIdsAdded", "recordIdsAdded", "recordIdsMissing"}  # the first is HubSpot's own


def find_or_create(name: str) -> Preparation:
    """Return the id of the static list of contacts called ``name``."""
    known = yield Request("GET", f"{LISTS}/object-type-id/{CONTACT}/name/{quote(name, safe='')}")
    found = part(known.json(), "list")
    if known.ok and found.get("listId"):
        if found.get("processingType") not in FIXED:
            raise Refused(
                "dynamic_list",
                f"HubSpot has an active list '{name}', whose members it chooses itself; rename it.",
            )
        return str(found["listId"])
    if known.status != 404:
        raise Refused(*complaint_of(known))
    body = {"name": name, "objectTypeId": CONTACT, "processingType": "MANUAL"}
    # Two lists cannot have one name: repeated after a lost answer, it would be refused.
    created = yield Request("POST", f"{LISTS}/", json=body, repeatable=False)
    made = part(created.json(), "list")
    if not created.ok or not made.get("listId"):
        raise Refused(*complaint_of(created))
    return str(made["listId"])


def join(
    list_id: str, contacts: CrmObjects, records: Sequence[Record]
) -> Generator[Request, Response, list[Verdict]]:
    """Upsert contacts, then put them on the list by the ids that HubSpot told us."""
    written = yield from contacts.upsert(records, Options())
    ids = {each.key: each.channel_id for each in written if each.channel_id}
    silent = {e.key for e in written if e.status == "acknowledged" and e.key not in ids}
    nameless = [record for record in records if record.key in silent]
    verdicts = [each for each in written if each.key not in {*ids, *silent}]
    verdicts += waiting(nameless, "no_id", "HubSpot did not say under which id it has the contact.")
    members = [record for record in records if record.key in ids]
    if not members:
        return verdicts
    body = [ids[record.key] for record in members]
    response = yield Request("PUT", f"{LISTS}/{list_id}/memberships/add", json=body)
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or not _ANSWERS & set(answer):
        return verdicts + refusal(members, response)
    missing = answer.get("recordIdsMissing") or []
    absent = {str(each) for each in missing} if isinstance(missing, list) else set(body)
    if not absent <= set(body):
        return verdicts + unread(members, response)
    left = [record for record in members if ids[record.key] in absent]
    verdicts += waiting(left, "record_missing", "HubSpot does not know the contact yet.")
    verdicts += [
        Verdict(record.key, "acknowledged", channel_id=ids[record.key])
        for record in members
        if ids[record.key] not in absent
    ]
    return verdicts


def leave(
    list_id: str, contacts: CrmObjects, records: Sequence[Record]
) -> Generator[Request, Response, list[Verdict]]:
    """Take contacts off the list. Nobody HubSpot does not know is on a list of HubSpot's."""
    ids = yield from contacts.ids(records)
    if isinstance(ids, Response):
        return refusal(records, ids)
    if ids:
        body = list(ids.values())
        response = yield Request("PUT", f"{LISTS}/{list_id}/memberships/remove", json=body)
        if not response.ok or not isinstance(response.json(), dict):
            return refusal(records, response)
    return [Verdict(r.key, "acknowledged", channel_id=ids.get(r.key)) for r in records]
