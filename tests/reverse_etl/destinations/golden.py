"""Golden conversations: what we ask of each vendor, what it answers, and what we make of it.

One file per destination, ``golden/<slug>.yml``, with a conversation for every object, mode and
operation that the destination declares. The vendor's answers are written by hand from its
documentation. The first record stands for any: ``many`` makes others of it.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from reverse_etl.channel.batch import Audience, Batch, Mode, Operation, Record
from reverse_etl.channel.destination import ChannelObject, Destination
from reverse_etl.channel.exchange import Response
from reverse_etl.channel.registry import destination_names, find_destination
from tests.reverse_etl.destinations.driver import SETTINGS

WRITTEN_IN = ("json", "form", "multipart")
FOLDER = Path(__file__).parent / "golden"
OPERATIONS: dict[Mode, tuple[Operation, ...]] = {
    "upsert": ("add", "change"),
    "mirror": ("add", "change", "remove"),
    "audience": ("add", "change", "remove"),
    "append": ("append",),
}


@dataclass(frozen=True)
class Exchange:
    """One request as it must be, and the vendor's answer to it."""

    method: str
    path: str
    params: dict[str, str]
    content: Any
    answer: Response


@dataclass(frozen=True)
class Case:
    """One operation on one object of one channel."""

    channel: Destination
    object: ChannelObject
    mode: Mode
    operation: Operation

    @property
    def name(self) -> str:
        return f"{self.object.name}-{self.mode}-{self.operation}"

    @functools.cached_property
    def written(self) -> dict[str, Any]:
        """What the golden file says of it."""
        found: dict[str, Any] = golden(self.channel.slug).get("cases", {}).get(self.name, {})
        if "like" in found:
            like = golden(self.channel.slug)["cases"][found["like"]]
            return {**like, **found}
        return found

    @property
    def settings(self) -> dict[str, str]:
        return {**SETTINGS, **golden(self.channel.slug).get("settings", {})}

    @property
    def exchanges(self) -> list[Exchange]:
        return [exchange_of(each) for each in self.written.get("exchanges", [])]

    @property
    def verdicts(self) -> dict[str, str]:
        return {str(key): str(value) for key, value in self.written["verdicts"].items()}

    def records(self) -> list[Record]:
        """The golden records, with keys p1, p2 …; plain ones where nothing is written."""
        rows = self.written.get("records") or _plain(self.operation)
        return [
            Record(
                key=f"p{number}",
                operation=self.operation,
                fields=row.get("fields", {}),
                channel_id=row.get("channel_id"),
                sent_match=row.get("sent", {}),
                occurred_at=row.get("occurred_at"),
            )
            for number, row in enumerate(rows, start=1)
        ]

    def many(self, count: int) -> list[Record]:
        """So many records, like the first golden one but each somebody else."""
        first = self.records()[0]
        return [
            replace(
                first,
                key=f"p{number}",
                fields=_somebody(first.fields, number),
                sent_match=_somebody(first.sent_match, number),
                channel_id=first.channel_id and f"{first.channel_id}{number}",
            )
            for number in range(1, count + 1)
        ]

    def batch(self, records: list[Record] | None = None) -> Batch:
        """A batch of these records, the golden ones by default."""
        label = self.written.get("audience", "Abandoned cart")
        audience = Audience("abandoned_cart", label, self.written.get("list", "1"))
        return Batch(
            sync="golden",
            run_id="run1",
            batch_id="run1-0001",
            object=self.object.name,
            mode=self.mode,
            operation=self.operation,
            records=self.records() if records is None else records,
            settings=self.settings,
            audience=audience if self.mode == "audience" else None,
            match=tuple(self.written.get("match", self.object.match)),
        )


def destinations() -> list[Destination]:
    """Every channel that is spoken over HTTP."""
    found = map(find_destination, destination_names())
    return [channel for channel in found if isinstance(channel, Destination)]


def cases() -> Iterator[Case]:
    """Everything that every channel declares."""
    for channel in destinations():
        for each in channel.objects:
            for mode in each.modes:
                merges = ("merge",) if each.merges and mode == "upsert" else ()
                for operation in (*OPERATIONS[mode], *merges):
                    yield Case(channel, each, mode, operation)


@functools.cache
def golden(slug: str) -> dict[str, Any]:
    """The golden file of a destination; nothing where it has none."""
    path = FOLDER / f"{slug}.yml"
    found: dict[str, Any] = yaml.safe_load(path.read_text()) if path.exists() else {}
    return found


def exchange_of(written: dict[str, Any]) -> Exchange:
    """One exchange as a golden file writes it."""
    method, path = written["ask"].split(" ", 1)
    content = next((written[name] for name in WRITTEN_IN if name in written), None)
    body = written.get("answer")
    encoded = b"" if body is None else json.dumps(body).encode()
    kind = {"content-type": "application/json"}
    answer = Response(written.get("status", 200), kind | written.get("headers", {}), encoded)
    return Exchange(method, path, written.get("params", {}), content, answer)


def _plain(operation: Operation) -> list[dict[str, Any]]:
    row = {"email": "ada@example.com", "phone": "+442079460958"}
    sent = row if operation in ("change", "remove") else {}
    return [{"fields": {} if operation == "remove" else row, "sent": sent}]


def _somebody(fields: Any, number: int) -> dict[str, Any]:
    """Fields of the first record as somebody else's: Ada, person-1 and her site have a number."""
    text = json.dumps(dict(fields))
    text = re.sub(r"\bada\b", f"ada{number}", text)
    text = re.sub(r"\bperson-1\b", f"person-1{number:06}", text)
    found: dict[str, Any] = json.loads(text)
    return found
