"""HubSpot's and Salesforce's records on the page, and the lists and campaigns they are in."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup

from reverse_etl.sandbox.cards import SHOWN_ON_REQUEST, Card, Section, counted, person
from reverse_etl.sandbox.display import cell, label, moment
from reverse_etl.sandbox.wire import Document

HUBSPOT_NAMES = {"jobtitle": "Job title"}
_AMOUNT = re.compile(r"-?\d+\.\d+")


def hubspot(state: Document, is_open: bool) -> Section:
    """Return HubSpot's lists and contacts."""
    contacts = list(state["contacts"].values())
    contacts.sort(key=lambda contact: contact["updatedAt"], reverse=True)
    names = dict.fromkeys(name for item in contacts for name in item["properties"])
    shown = [name for name in names if name not in ("email", "firstname", "lastname")]
    rows = [
        [
            cell(contact["properties"]["email"], is_open),
            Markup.escape(person(contact["properties"], is_open)),
            *(cell(_number(contact["properties"].get(name)), is_open) for name in shown),
        ]
        for contact in contacts[:SHOWN_ON_REQUEST]
    ]
    card = Card(
        title="Contacts",
        size=len(contacts),
        unit=counted(len(contacts), "contact"),
        headers=["E-mail", "Name", *(_hubspot_label(name) for name in shown)],
        rows=rows,
        changed=moment(contacts[0]["updatedAt"]) if contacts else None,
        note="Latest changes first.",
    )
    about = "The contacts that sales and service work with."
    lists = [_hubspot_list(found, state["contacts"], is_open) for found in state["lists"].values()]
    cards = [*lists, *[card] * bool(contacts)]
    return Section("hubspot", "HubSpot", about, len(contacts), "contacts", cards)


def _hubspot_list(found: Document, contacts: Document, is_open: bool) -> Card:
    members = [contacts[key]["properties"] for key in found["members"]]
    return Card(
        title=found["name"],
        size=len(members),
        unit=counted(len(members), "member"),
        headers=["E-mail", "Name"],
        rows=[
            [cell(held["email"], is_open), Markup.escape(person(held, is_open))]
            for held in members[:SHOWN_ON_REQUEST]
        ],
    )


def _hubspot_label(name: str) -> str:
    return HUBSPOT_NAMES.get(name) or label(name.removeprefix("seamline_"))


def salesforce(state: Document, is_open: bool) -> Section | None:
    """Return campaigns with their members, then the records of every object; if there are any."""
    held = {kind: records for kind, records in state["records"].items() if records}
    if not held:
        return None
    campaigns, members = held.pop("Campaign", {}), held.pop("CampaignMember", {})
    cards = []
    for number, campaign in campaigns.items():
        joined = [each for each in members.values() if each.get("CampaignId") == number]
        rows = [
            {name: value for name, value in each.items() if name != "CampaignId"} for each in joined
        ]
        cards.append(_records(str(campaign["Name"]), rows, "member", is_open))
    for kind, records in held.items():
        rows = [{"Id": number, **fields} for number, fields in records.items()]
        cards.append(_records(kind, rows, "record", is_open))
    size = sum(len(records) for records in held.values())
    about = "Records of any object, and the members of campaigns."
    return Section("salesforce", "Salesforce", about, size, counted(size, "record"), cards)


def _records(title: str, rows: list[Document], unit: str, is_open: bool) -> Card:
    shown = rows[: -SHOWN_ON_REQUEST - 1 : -1]
    names = list(dict.fromkeys(name for row in shown for name in row))
    return Card(
        title=title,
        size=len(rows),
        unit=counted(len(rows), unit),
        headers=[label(name.removesuffix("__c")) for name in names],
        rows=[[cell(row.get(name), is_open) for name in names] for row in shown],
        note="Latest first.",
    )


def _number(value: Any) -> Any:
    """Return a HubSpot value, which is always text, as the amount it stands for."""
    return float(value) if value and _AMOUNT.fullmatch(value) else value
