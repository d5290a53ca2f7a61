"""Writing a spool: what may be sent of a plan, streamed from the warehouse to local disk.

The warehouse writes each kind of operation to a file of its own. All of it is written under another
name and renamed when it is complete and durable; only its owner can read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from reverse_etl.channel.batch import Operation
from reverse_etl.channel.records import SEPARATOR, VERBS
from reverse_etl.contract.project import Sync
from reverse_etl.delivery.spool import Spool, records_file, spool_folder
from reverse_etl.planning.plan import Plan
from reverse_etl.warehouse.dialect import Dialect, literal
from reverse_etl.warehouse.session import Warehouse, owners_alone

WRITES: tuple[Operation, ...] = ("add", "append", "change")
TOGETHER: tuple[Operation, ...] = ("add", "change")


def write_spool(home: Path, sync: Sync, plan: Plan, warehouse: Warehouse) -> Spool:
    """Stream what may be sent of ``plan`` into a spool; it is durable when this returns."""
    folder = spool_folder(home, sync.name)
    folder.parent.mkdir(exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)
    partial = folder / f"{plan.run_id}.partial"
    partial.mkdir(mode=0o700)
    rows, operations = 0, []
    for operation, query in _queries(sync, plan, warehouse):
        path = records_file(partial, operation)
        rows += warehouse.export(query, path)
        _make_durable(path)
        operations.append(operation)
    labels, audiences = _audiences(sync, plan, warehouse) if sync.is_audience else ({}, {})
    spool = Spool(
        folder=folder / plan.run_id,
        run_id=plan.run_id,
        sync=sync.name,
        rows=rows,
        operations=operations,
        limits=sync.object.limits,
        labels=labels,
        audiences=audiences,
        is_whole=plan.diff is not None and plan.diff.is_whole,
        wholes=_wholes(plan, warehouse) if plan.replaces else {},
    )
    header = {name: value for name, value in asdict(spool).items() if name != "folder"}
    with open(partial / "header.json", "w", opener=owners_alone) as file:
        json.dump(header, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(spool.folder)
    _make_durable(folder)
    return spool


def _queries(sync: Sync, plan: Plan, warehouse: Warehouse) -> Iterator[tuple[Operation, str]]:
    """Yield one query per kind of operation: removals first, they are owed the soonest.

    Within one, only audiences need an order; sorting wide rows is what memory is lost to.
    """
    known = {name: f"plan.{name}" for name in ("channel_id", "sent_match")}
    line = _Line(sync, warehouse.dialect, "plan.audience", "plan.key", known)
    order = " order by plan.audience" if sync.is_audience else ""
    chosen = f"from sync.sync_plan as plan where {plan.sendable}"
    if plan.sending.get("remove"):
        yield (
            "remove",
            f"select {line.of('remove', {})} as line {chosen} and operation = 'remove'{order}",
        )
    if plan.sending.get("merge"):
        into = {"into_key": "plan.into_key", "into_id": "plan.into_id"}
        merging = f"{chosen} and operation = 'merge' order by plan.into_key"
        yield "merge", f"select {line.of('merge', into)} as line {merging}"
    diff = plan.diff
    if diff is None or not diff.types:
        return
    source = "" if plan.replaces else diff.content
    rows = diff.candidates.join("plan", "plan.key", kind="inner", source=source)
    if plan.takes_all:
        # It names every row, and was made of the state that is read here: no need to look.
        line = _Line(sync, warehouse.dialect, diff.candidates.audience, diff.candidates.key, {})
        order = f" order by {line.audience}" if sync.is_audience else ""
    if "occurred_at" in diff.types:
        when = warehouse.dialect.value("relation.occurred_at", diff.types["occurred_at"])
        line = replace(line, about={**line.about, "occurred_at": f"cast({when} as text)"})
    # Those of a whole audience follow each other, whether they are new to it or not.
    for operations in [TOGETHER] if plan.replaces else [(each,) for each in WRITES]:
        if any(map(plan.sending.get, operations)):
            # What the plan does not name does not leave, be it in the relation by now.
            planned = f"select * {chosen} and operation in ({_literals(operations)})"
            origin = f"({planned}) as plan {rows}"
            if plan.takes_all:
                origin = f"{sync.relation} as relation"
            content = line.of(operations[0], diff.fields)
            yield operations[0], f"select {content} as line from {origin}{order}"


@dataclass(frozen=True)
class _Line:
    """How a record's line is put together of a row's expressions: see ``channel.records``."""

    sync: Sync
    dialect: Dialect
    audience: str
    key: str
    about: Mapping[str, str]

    def of(self, operation: Operation, fields: Mapping[str, str]) -> str:
        """Return the expression of a row's line, without its end."""
        before = literal(f'{{"operation":"{VERBS[operation]}","key":')
        values = self.dialect.json_object(fields)
        parts = [before, f"to_json({self.key})", """',"fields":'""", values, "'},'"]
        if self.sync.is_audience or self.about:
            audience = f"to_json({self.audience})" if self.sync.is_audience else "''"
            separator = f"chr({ord(SEPARATOR)})"
            parts += [separator, audience, separator, self.dialect.json_object(self.about)]
        # One call makes one copy of a text; a chain of || would make four.
        return f"concat({', '.join(parts)})"


def _wholes(plan: Plan, warehouse: Warehouse) -> dict[str, int]:
    query = f"select audience, count(*) from sync.sync_plan where {plan.sendable} "
    sent = f"and operation in ({_literals(TOGETHER)}) group by 1 order by 1"
    return dict(warehouse.rows(query + sent))


def _literals(operations: tuple[Operation, ...]) -> str:
    return ", ".join(map(literal, operations))


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


def _make_durable(path: Path) -> None:
    """See that a file's content, or a folder's names, outlive the machine."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
