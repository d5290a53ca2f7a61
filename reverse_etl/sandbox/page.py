"""The page at ``/``: every channel and every audience, as a marketer would see them arrive."""

from __future__ import annotations

import csv
import functools
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from reverse_etl.sandbox.display import cell, label, moment, number, properties
from reverse_etl.sandbox.wire import Document

SHOWN = 5
SHOWN_ON_REQUEST = 200
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
HUBSPOT_NAMES = {"jobtitle": "Job title"}
_AMOUNT = re.compile(r"-?\d+\.\d+")

Row = list[Markup]


@dataclass(frozen=True)
class Card:
    """One audience, table or file: a title, how large it is, and its rows."""

    title: str
    size: int
    unit: str
    headers: list[str]
    rows: list[Row]
    changed: Markup | None = None
    joined: int | None = None
    left: int | None = None
    leavers: list[Markup] = field(default_factory=list)
    note: str = ""

    @property
    def first(self) -> list[Row]:
        """The rows that are in sight at once."""
        return self.rows[:SHOWN]

    @property
    def more(self) -> list[Row]:
        """The rows shown on request."""
        return self.rows[SHOWN:SHOWN_ON_REQUEST]

    @property
    def unseen(self) -> int:
        """How many are at the channel beyond those."""
        return max(0, self.size - SHOWN_ON_REQUEST)


@dataclass(frozen=True)
class Section:
    """One channel; ``size`` counts what its ``cards`` hold."""

    slug: str
    title: str
    about: str
    size: int
    unit: str
    cards: list[Card]


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True)
    environment.filters["number"] = number
    return environment.get_template("page.html")


def render(state: Callable[[str], Document], home: Path | None, query: Mapping[str, str]) -> str:
    """Return the page. ``?show=addresses`` unmasks, ``?refresh=10`` reloads it by itself."""
    is_open = query.get("show") == "addresses"
    refresh = query.get("refresh", "")
    sections = [
        _klaviyo(state("klaviyo"), is_open),
        _meta(state("meta")),
        _hubspot(state("hubspot"), is_open),
        _webhook(state("webhook"), is_open),
        _files(home, is_open),
    ]
    return _template().render(
        sections=[section for section in sections if section],
        is_open=is_open,
        refresh=int(refresh) if refresh.isdigit() and int(refresh) > 0 else 0,
    )


def _changes(history: Iterable[Document], audience: str, name: str) -> tuple[int, int, list[Any]]:
    """Return how many joined and left an audience, and the latest three who left."""
    mine = [entry for entry in history if entry.get(name) == audience]
    leavers = [entry for entry in mine if entry["operation"] == "remove"]
    joined = sum(entry["operation"] == "add" for entry in mine)
    return joined, len(leavers), leavers[:-4:-1]


def _klaviyo(state: Document, is_open: bool) -> Section:
    cards = []
    for name, audience in state["audiences"].items():
        joined, left, leavers = _changes(state["history"], name, "list")
        rows = [
            [
                cell(member["email"], is_open),
                Markup.escape(_person(member, is_open)),
                properties({**_others(member), **member["properties"]}, is_open),
            ]
            for member in audience["members"][:SHOWN_ON_REQUEST]
        ]
        cards.append(
            Card(
                title=name,
                size=audience["size"],
                unit="member" if audience["size"] == 1 else "members",
                headers=["Profile", "Name", "What a message can say"],
                rows=rows,
                changed=moment(audience["updated"]),
                joined=joined,
                left=left,
                leavers=[_leaver(entry, "email", is_open) for entry in leavers],
            )
        )
    people = len({key for item in state["lists"].values() for key in item["members"]})
    about = "Lists for e-mail and text messages. Being on a list is not consent; it grants none."
    return Section("klaviyo", "Klaviyo", about, people, "people on lists", cards)


def _meta(state: Document) -> Section:
    cards = []
    for name, audience in state["audiences"].items():
        joined, left, leavers = _changes(state["history"], name, "audience")
        used = [key for key in KEY_NAMES if any(key in row for row in audience["members"])]
        cards.append(
            Card(
                title=name,
                size=audience["size"],
                unit="row" if audience["size"] == 1 else "rows",
                headers=[KEY_NAMES[key] for key in used],
                rows=[
                    [cell(row.get(key)) for key in used]
                    for row in audience["members"][:SHOWN_ON_REQUEST]
                ],
                changed=moment(audience["updated"]),
                joined=joined,
                left=left,
                leavers=[_leaver(entry, "EMAIL", False) for entry in leavers],
            )
        )
    rows = sum(card.size for card in cards)
    about = "Custom audiences for ads. Nobody's name or address arrives here, only SHA-256 hashes."
    return Section("meta", "Meta", about, rows, "hashed rows", cards)


def _hubspot(state: Document, is_open: bool) -> Section:
    contacts = list(state["contacts"].values())
    contacts.sort(key=lambda contact: contact["updatedAt"], reverse=True)
    names = dict.fromkeys(name for item in contacts for name in item["properties"])
    shown = [name for name in names if name not in ("email", "firstname", "lastname")]
    rows = [
        [
            cell(contact["properties"]["email"], is_open),
            Markup.escape(_person(contact["properties"], is_open)),
            *(cell(_number(contact["properties"].get(name)), is_open) for name in shown),
        ]
        for contact in contacts[:SHOWN_ON_REQUEST]
    ]
    card = Card(
        title="Contacts",
        size=len(contacts),
        unit="contact" if len(contacts) == 1 else "contacts",
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
        unit="member" if len(members) == 1 else "members",
        headers=["E-mail", "Name"],
        rows=[
            [cell(held["email"], is_open), Markup.escape(_person(held, is_open))]
            for held in members[:SHOWN_ON_REQUEST]
        ],
    )


def _hubspot_label(name: str) -> str:
    return HUBSPOT_NAMES.get(name) or label(name.removeprefix("seamline_"))


def _webhook(state: Document, is_open: bool) -> Section:
    cards = []
    for sync, rows in state["records"].items():
        latest = list(rows.values())[: -SHOWN_ON_REQUEST - 1 : -1]
        names = list(dict.fromkeys(name for row in latest for name in row["fields"]))
        cards.append(
            Card(
                title=label(sync.removeprefix("webhook_")),
                size=len(rows),
                unit="row" if len(rows) == 1 else "rows",
                headers=[label(name) for name in names],
                rows=[[cell(row["fields"].get(name), is_open) for name in names] for row in latest],
                changed=moment(latest[0]["received_at"]) if latest else None,
                note="Latest arrivals first.",
            )
        )
    size = sum(card.size for card in cards)
    deliveries = len(state["deliveries"])
    plural = "delivery" if deliveries == 1 else "deliveries"
    about = f"Rows posted as JSON, in {number(deliveries)} {plural}."
    return Section("webhook", "Webhook", about, size, "rows", cards)


def _files(home: Path | None, is_open: bool) -> Section | None:
    directory = os.environ.get("FILES_DIRECTORY")
    outbox = Path(directory) if directory else home / "outbox" if home else None
    manifests = sorted(outbox.glob("*/manifest.json")) if outbox else []
    if not manifests:
        return None
    cards = [
        _file(path.parent, entry, is_open)
        for path in manifests
        for entry in json.loads(path.read_text())["files"][-3:]
    ]
    size = sum(card.size for card in cards)
    return Section("files", "CSV drop", f"Files in {outbox}.", size, "lines", cards)


def _file(folder: Path, entry: Document, is_open: bool) -> Card:
    with (folder / entry["name"]).open(newline="") as file:
        lines = list(itertools.islice(csv.reader(file), SHOWN_ON_REQUEST + 1))
    headers, rows = (lines[0], lines[1:]) if lines else ([], [])
    return Card(
        title=entry["name"],
        size=entry["rows"],
        unit="line" if entry["rows"] == 1 else "lines",
        headers=[label(name) for name in headers],
        rows=[[cell(value, is_open) for value in row] for row in rows],
        note=f"Run {entry['run_id']}, sha256 {entry['sha256'][:12]}…",
    )


def _person(held: Mapping[str, Any], is_open: bool) -> str:
    """Return a first name and the last one's initial, or the whole name."""
    first = held.get("first_name") or held.get("firstname") or ""
    last = held.get("last_name") or held.get("lastname") or ""
    return f"{first} {last if is_open else last[:1] + '.' * bool(last)}".strip() or "–"


def _others(member: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in member.items() if name not in NOT_WORTH_A_COLUMN}


def _leaver(entry: Mapping[str, Any], name: str, is_open: bool) -> Markup:
    return Markup("{}, {}").format(cell(entry.get(name), is_open), moment(entry["at"]))


def _number(value: Any) -> Any:
    """Return a HubSpot value, which is always text, as the amount it stands for."""
    return float(value) if value and _AMOUNT.fullmatch(value) else value
