"""What a webhook received and what lies in the drop, on the page."""

from __future__ import annotations

import csv
import itertools
import json
import os
from pathlib import Path

from reverse_etl.sandbox.cards import SHOWN_ON_REQUEST, Card, Section, counted
from reverse_etl.sandbox.display import cell, label, moment, number
from reverse_etl.sandbox.wire import Document


def webhook(state: Document, is_open: bool) -> Section:
    """Return the rows of each sync, the latest first."""
    cards = []
    for sync, rows in state["records"].items():
        latest = list(rows.values())[: -SHOWN_ON_REQUEST - 1 : -1]
        names = list(dict.fromkeys(name for row in latest for name in row["fields"]))
        cards.append(
            Card(
                title=label(sync.removeprefix("webhook_")),
                size=len(rows),
                unit=counted(len(rows), "row"),
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


def files(home: Path | None, is_open: bool) -> Section | None:
    """Return the files of each sync; nothing where there are none."""
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
        unit=counted(entry["rows"], "line"),
        headers=[label(name) for name in headers],
        rows=[[cell(value, is_open) for value in row] for row in rows],
        note=f"Run {entry['run_id']}, sha256 {entry['sha256'][:12]}…",
    )
