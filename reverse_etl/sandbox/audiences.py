"""Klaviyo's lists and events and Meta's audiences on the page: who joined, who left last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from reverse_etl.sandbox.cards import SHOWN_ON_REQUEST, Card, Section, counted, leaver, person
from reverse_etl.sandbox.display import cell, moment, properties
from reverse_etl.sandbox.wire import Document

NOT_WORTH_A_COLUMN = {"email", "first_name", "last_name", "properties", "phone_number"}
KEY_NAMES = {
    "EMAIL": "E-mail",
    "PHONE": "Phone",
    "FN": "First name",
    "LN": "Last name",
    "CT": "City",
    "ST": "State",
    "ZIP": "Postcode",
    "COUNTRY": "Country",
    "EXTERN_ID": "Our id",
}


def _changes(history: Iterable[Document], audience: str, name: str) -> tuple[int, int, list[Any]]:
    """Return how many joined and left an audience, and the latest three who left."""
    mine = [entry for entry in history if entry.get(name) == audience]
    leavers = [entry for entry in mine if entry["operation"] == "remove"]
    joined = sum(entry["operation"] == "add" for entry in mine)
    return joined, len(leavers), leavers[:-4:-1]


def klaviyo(state: Document, is_open: bool) -> Section:
    """Return Klaviyo's lists, and what flows of messages are begun by."""
    cards = []
    for name, audience in state["audiences"].items():
        joined, left, leavers = _changes(state["history"], name, "list")
        rows = [
            [
                cell(member["email"], is_open),
                Markup.escape(person(member, is_open)),
                properties({**_others(member), **member["properties"]}, is_open),
            ]
            for member in audience["members"][:SHOWN_ON_REQUEST]
        ]
        cards.append(
            Card(
                title=name,
                size=audience["size"],
                unit=counted(audience["size"], "member"),
                headers=["Profile", "Name", "What a message can say"],
                rows=rows,
                changed=moment(audience["updated"]),
                joined=joined,
                left=left,
                leavers=[leaver(entry, "email", is_open) for entry in leavers],
            )
        )
    people = len({key for item in state["lists"].values() for key in item["members"]})
    places = sum(card.size for card in cards)
    about = (
        f"Lists for e-mail and text messages: {people} people in {places} places. Being on a list "
        "is not consent; it grants none."
    )
    cards += _events(state["events"].values(), is_open)
    return Section("klaviyo", "Klaviyo", about, people, "people on lists", cards)


def _events(events: Iterable[Document], is_open: bool) -> Iterable[Card]:
    """Yield the events of each metric, the latest first: what a flow of messages starts from."""
    told: dict[str, list[Document]] = {}
    for event in events:
        told.setdefault(event["metric"], []).append(event)
    for metric, those in told.items():
        latest = sorted(those, key=lambda event: str(event["time"]), reverse=True)
        yield Card(
            title=metric,
            size=len(latest),
            unit=counted(len(latest), "event"),
            headers=["Profile", "When", "What a message can say"],
            rows=[
                [
                    cell(event["email"], is_open),
                    cell(event["time"]),
                    properties(event["properties"] or {}, is_open),
                ]
                for event in latest[:SHOWN_ON_REQUEST]
            ],
            note="Events, by which a flow begins. Latest first.",
        )


def meta(state: Document) -> Section:
    """Return Meta's custom audiences, which are hashes."""
    cards = []
    for name, audience in state["audiences"].items():
        joined, left, leavers = _changes(state["history"], name, "audience")
        used = [key for key in KEY_NAMES if any(key in row for row in audience["members"])]
        cards.append(
            Card(
                title=name,
                size=audience["size"],
                unit=counted(audience["size"], "row"),
                headers=[KEY_NAMES[key] for key in used],
                rows=[
                    [cell(row.get(key)) for key in used]
                    for row in audience["members"][:SHOWN_ON_REQUEST]
                ],
                changed=moment(audience["updated"]),
                joined=joined,
                left=left,
                leavers=[leaver(entry, "EMAIL", False) for entry in leavers],
            )
        )
    rows = sum(card.size for card in cards)
    about = "Custom audiences for ads. Nobody's name or address arrives here, only SHA-256 hashes."
    return Section("meta", "Meta", about, rows, "hashed rows", cards)


def _others(member: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in member.items() if name not in NOT_WORTH_A_COLUMN}
