"""Listing: everything a channel says it holds of a sync, as a table in the warehouse.

The warehouse is released while the channel is asked; the answers lie in a file meanwhile, which
only its owner can read and which is gone afterwards.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from reverse_etl.channel.batch import Audience
from reverse_etl.channel.connection import Connection
from reverse_etl.channel.destination import Destination, Lister, ReadableStore
from reverse_etl.channel.exchange import Found, Refused
from reverse_etl.contract.project import Project, Sync
from reverse_etl.delivery.http import AnswerLost, Client, OutOfPatience, Patience
from reverse_etl.delivery.limiter import limiter_for
from reverse_etl.delivery.transcript import Forgetful
from reverse_etl.errors import SeamlineError
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

ROWS_PER_BATCH = 10_000


def must_list(sync: Sync) -> None:
    """Refuse a sync whose channel cannot be read.

    Raises:
        SeamlineError: it says nothing of what it holds.
    """
    if not sync.object.lists or not isinstance(sync.channel, Lister | ReadableStore):
        raise SeamlineError(
            f"{sync.path}: sync '{sync.name}': {sync.channel.label} does not tell what its "
            f"{sync.object.name} hold, so that nothing can be read back from it."
        )


def audiences(sync: Sync, warehouse: Warehouse, has_rows: bool) -> list[Audience]:
    """Return the audiences of a sync with what they are called and their ids where known."""
    created = warehouse.rows(
        f"select audience, label, channel_id from sync.sync_audiences "
        f"where sync = {literal(sync.name)}"
    )
    known = {audience: (label, channel_id) for audience, label, channel_id in created}
    if has_rows:
        query = f"select audience, max(audience_label) from {sync.relation} group by 1"
        for audience, label in warehouse.rows(query):
            name = audience or ""
            known[name] = (label or name, known.get(name, ("", ""))[1])
    return [Audience(name, label, id_) for name, (label, id_) in sorted(known.items())]


@contextmanager
def listed(
    project: Project, sync: Sync, lists: Sequence[Audience], patience: Patience
) -> Iterator[Path]:
    """Ask the channel, and give the file of its answers for as long as the context lasts.

    Raises:
        SeamlineError: the channel does not answer, or not as it should.
    """
    prefix = f"listing-{sync.name}-"
    for left in project.home.glob(f"{prefix}*"):  # by a process that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=project.home, prefix=prefix) as folder:
        path = Path(folder) / "listed.arrow"
        try:
            _write(path, sync, _found(project.connection(sync), sync, lists, patience))
        except Refused as refused:
            raise SeamlineError(f"{sync.channel.label}: {refused.reason}") from None
        except (OutOfPatience, AnswerLost) as silence:
            raise SeamlineError(f"{sync.channel.label} does not answer: {silence}") from None
        yield path


def load_listed(path: Path, warehouse: Warehouse) -> int:
    """Make the temporary table ``listed`` of the answers and return its rows."""
    import pyarrow as pa  # noqa: PLC0415 - only who reads back pays for it

    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_stream(source).read_all()
        warehouse.load("listed", table)
        return int(table.num_rows)


def _found(
    connection: Connection, sync: Sync, lists: Sequence[Audience], patience: Patience
) -> Iterator[tuple[str, Found]]:
    channel = sync.channel
    if isinstance(channel, ReadableStore):
        for found in channel.read(sync.name, connection.settings):
            yield "", found
        return
    assert isinstance(channel, Destination) and isinstance(channel, Lister)
    limiter = limiter_for(connection.host, sync.object.limits)
    client = Client(channel, connection, limiter, patience)
    asked: list[Audience | None] = [*lists] if sync.is_audience else [None]
    for audience in asked:
        cursor = ""
        while True:
            question = channel.list_page(
                sync.object.name, sync.fields, audience, cursor, connection.settings
            )
            page = client.drive(question, Forgetful())
            for found in page.records:
                yield (audience.name if audience else ""), found
            cursor = page.cursor
            if not cursor:
                break


def _write(path: Path, sync: Sync, found: Iterator[tuple[str, Found]]) -> None:
    import pyarrow as pa  # noqa: PLC0415

    matches = [f"match_{place}" for place, _ in enumerate(sync.match)]
    texts = ["audience", "channel_id", "key", "fields", *matches]
    schema = pa.schema([("position", pa.int64()), *((name, pa.string()) for name in texts)])
    position = 0
    with path.open("wb") as file, pa.ipc.new_stream(file, schema) as writer:
        rows: list[dict[str, Any]] = []
        for audience, each in found:
            position += 1
            keys = {
                name: str(each.fields.get(column) or "").strip().lower() or None
                for name, column in zip(matches, sync.match, strict=True)
            }
            fields = {name: each.fields.get(name) for name in sync.fields}
            row = {"position": position, "audience": audience, "channel_id": each.channel_id}
            row |= {"key": each.key, "fields": orjson.dumps(fields).decode()} | keys
            rows.append(row)
            if len(rows) == ROWS_PER_BATCH:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
                rows = []
        writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
