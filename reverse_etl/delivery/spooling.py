"""Writing a spool: what may be sent of a plan, streamed from the warehouse to local disk.

It is written under another name and renamed when it is complete and durable; only its owner can
read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from reverse_etl.channel.batch import Operation
from reverse_etl.channel.records import VERBS
from reverse_etl.contract.project import Sync
from reverse_etl.delivery.spool import Spool, spool_folder
from reverse_etl.planning.candidates import Candidates
from reverse_etl.planning.plan import Plan
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

WRITES: tuple[Operation, ...] = ("add", "append", "change")
TOGETHER: tuple[Operation, ...] = ("add", "change")
COLUMNS = (
    "operation",
    "audience",
    "key",
    "text",
    "channel_id",
    "sent_match",
    "occurred_at",
)
# What is read from the plan's rows.
NAMED = {name: f"plan.{name}" for name in ("audience", "key", "channel_id", "sent_match")}


def write_spool(home: Path, sync: Sync, plan: Plan, warehouse: Warehouse) -> Spool:
    """Stream what may be sent of ``plan`` into a spool; it is durable when this returns."""
    folder = spool_folder(home, sync.name)
    folder.parent.mkdir(exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)
    partial = folder / f"{plan.run_id}.partial"
    partial.mkdir(mode=0o700)
    rows = _write_records(partial / "records.arrow", sync, plan, warehouse)
    labels, audiences = _audiences(sync, plan, warehouse) if sync.is_audience else ({}, {})
    spool = Spool(
        folder=folder / plan.run_id,
        run_id=plan.run_id,
        sync=sync.name,
        rows=rows,
        limits=sync.object.limits,
        labels=labels,
        audiences=audiences,
        is_whole=plan.diff is not None and plan.diff.is_whole,
        wholes=_wholes(plan, warehouse) if plan.replaces else {},
    )
    header = {name: value for name, value in asdict(spool).items() if name != "folder"}
    with open(partial / "header.json", "w", opener=_private) as file:
        json.dump(header, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(spool.folder)
    _sync_folder(folder)
    return spool


def _write_records(path: Path, sync: Sync, plan: Plan, warehouse: Warehouse) -> int:
    """Write the records while the warehouse builds the next ones; return how many."""
    import pyarrow as pa  # noqa: PLC0415

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    schema = schema.set(COLUMNS.index("text"), pa.field("text", pa.binary()))
    count = 0
    with (
        open(path, "wb", opener=_private) as file,
        pa.ipc.new_stream(file, schema) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="spool") as pool,
    ):
        written = pool.submit(file.flush)
        for query in _queries(sync, plan, warehouse):
            for batch in warehouse.stream(query):
                written.result()
                written = pool.submit(writer.write_batch, batch.cast(schema))
                count += batch.num_rows
        written.result()
        pool.submit(os.fsync, file.fileno()).result()
    return count


def _queries(sync: Sync, plan: Plan, warehouse: Warehouse) -> Iterator[str]:
    """Yield one query per kind of operation: removals first, they are owed the soonest.

    Within one, only audiences need an order; sorting wide rows is what memory is lost to.
    """
    order = " order by 2" if sync.is_audience else ""
    chosen = f"from sync.sync_plan as plan where {plan.sendable}"
    if plan.sending.get("remove"):
        text = _text("remove", "'{}'")
        yield (
            f"select 'remove' as operation, audience, key, {text} as text, "
            "channel_id, sent_match, cast(null as text) as occurred_at "
            f"{chosen} and operation = 'remove'{order}"
        )
    if plan.sending.get("merge"):
        into = {"into_key": "plan.into_key", "into_id": "plan.into_id"}
        text = _text("merge", warehouse.dialect.json_object(into))
        yield (
            f"select 'merge' as operation, audience, key, {text} as text, "
            "channel_id, sent_match, cast(null as text) as occurred_at "
            f"{chosen} and operation = 'merge' order by plan.into_key"
        )
    diff = plan.diff
    if diff is None or not diff.types:
        return
    when = "cast(null as text)"
    if "occurred_at" in diff.types:
        when = warehouse.dialect.value("relation.occurred_at", diff.types["occurred_at"])
    source = "" if plan.replaces else diff.content
    rows = diff.candidates.join("plan", "plan.key", kind="inner", source=source)
    # Those of a whole audience follow each other, whether they are new to it or not.
    for operations in [TOGETHER] if plan.replaces else [(each,) for each in WRITES]:
        if any(map(plan.sending.get, operations)):
            # What the plan does not name does not leave, be it in the relation by now.
            planned = f"select * {chosen} and operation in ({_literals(operations)})"
            origin, columns = f"({planned}) as plan {rows}", NAMED
            if plan.takes_all:
                # It names every row, and was made of the state that is read here: no need to look.
                origin, columns = f"{sync.relation} as relation", _unnamed(diff.candidates)
            text = _text(operations[0], warehouse.dialect.json_object(diff.fields), columns["key"])
            values = {"operation": literal(operations[0]), **columns, "text": text}
            values["occurred_at"] = f"cast({when} as text)"
            selected = ", ".join(f"{values[name]} as {name}" for name in COLUMNS)
            yield f"select {selected} from {origin}{order}"


def _unnamed(candidates: Candidates) -> dict[str, str]:
    """Return what ``NAMED`` does, of rows that nobody knows yet and without the plan."""
    unknown = "cast(null as text)"
    known = {"audience": candidates.audience, "key": candidates.key}
    return {**known, "channel_id": unknown, "sent_match": unknown}


def _wholes(plan: Plan, warehouse: Warehouse) -> dict[str, int]:
    query = f"select audience, count(*) from sync.sync_plan where {plan.sendable} "
    sent = f"and operation in ({_literals(TOGETHER)}) group by 1 order by 1"
    return dict(warehouse.rows(query + sent))


def _literals(operations: tuple[Operation, ...]) -> str:
    return ", ".join(map(literal, operations))


def _text(operation: Operation, fields: str, key: str = "plan.key") -> str:
    """Return an expression for a row's record as JSON, a comma after it: see ``records``."""
    before = literal(f'{{"operation":"{VERBS[operation]}","key":')
    # One call makes one copy of a text; a chain of || would make four.
    return f"""concat({before}, to_json({key}), ',"fields":', {fields}, '}},')"""


def _audiences(
    sync: Sync, plan: Plan, warehouse: Warehouse
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what each audience is called now, and its id where it exists at the channel."""
    created = warehouse.rows(
        f"select audience, label, channel_id from sync.sync_audiences "
        f"where sync = {literal(sync.name)}"
    )
    labels = {audience: label for audience, label, _ in created}
    if plan.diff and plan.diff.types:
        query = f"select audience, max(audience_label) from {sync.relation} group by 1"
        labels |= {name or "": label or name or "" for name, label in warehouse.rows(query)}
    return labels, {audience: channel_id for audience, _, channel_id in created}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
