"""A folder of CSV files: for people and tools that fetch what they need.

``mirror`` keeps ``<folder>/<sync>/<sync>.csv`` equal to the rows of the sync; ``append`` writes one
file per run, ``<folder>/<sync>/<sync>-<run>.csv``. ``manifest.json`` beside them names each file
with its rows, sha256 and run, and is written last: a reader who finds another sha256 reads again.

Requires nothing; ``FILES_DIRECTORY`` moves the folder, which is ``<SEAMLINE_HOME>/outbox``.

    exposures:
      - name: files_open_deals
        type: application
        owner: {name: Sales, email: sales@example.com}
        depends_on: [ref('sync_files_open_deals')]
        config:
          meta:
            sync:
              destination: files
              object: csv
              mode: mirror
              key: [deal_id]
              purpose: sales_reporting

Batches are staged under hidden names that only their owner can read. A commit builds each file
beside its place and renames it, so that readers see the old file or the new one, never a half.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from reverse_etl.destination import (
    Batch,
    ChannelObject,
    Found,
    Limits,
    Setting,
    Store,
    Verdict,
    as_json,
)
from reverse_etl.edits import is_same
from reverse_etl.profile import home_directory
from reverse_etl.verdicts import acknowledged

Row = dict[str, Any]


def folder_of(sync: str, settings: Mapping[str, str]) -> Path:
    """Return the folder that readers of one sync look into."""
    directory = settings.get("DIRECTORY")
    return (Path(directory).expanduser() if directory else home_directory() / "outbox") / sync


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put ``content`` at ``path`` at once and durably: written beside it, then renamed."""
    beside = path.with_name(f".{path.name}.partial")
    with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def as_csv(rows: Mapping[str, Row]) -> bytes:
    """Return rows as CSV in order of their keys; nothing is an empty cell, lists are JSON."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for key in sorted(rows):
        writer.writerow([_cell(rows[key].get(column)) for column in columns])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


def _staging(folder: Path, run_id: str) -> Path:
    return folder / f".staged-{run_id}"


def _lines(path: Path) -> Iterator[Any]:
    if path.exists():
        with path.open("rb") as file:
            yield from (orjson.loads(line) for line in file)


class Files:
    """CSV files in a folder."""

    slug = "files"
    label = "CSV files"
    settings: tuple[Setting, ...] = (Setting("DIRECTORY", "folder to write into", required=False),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "csv",
            modes=("mirror", "append"),
            limits=Limits(rows=50_000, bytes=50_000_000, requests_per_second=1_000, concurrency=1),
            lists=True,
        ),
    )

    def write(self, batch: Batch) -> Sequence[Verdict]:
        """Stage one batch; written again after a crash it takes its own place."""
        staging = _staging(folder_of(batch.sync, batch.settings), batch.run_id)
        staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [
            orjson.dumps([batch.mode, record.operation, record.key, record.fields], default=as_json)
            for record in batch.records
        ]
        replace(staging / f"{batch.batch_id}.jsonl", b"\n".join([*lines, b""]), mode=0o600)
        return acknowledged(batch.records)

    def commit(self, sync: str, run_id: str, settings: Mapping[str, str]) -> None:
        """Apply what this run staged to what readers see.

        What was applied is kept beside the CSV, by key, so that a commit cut short is repeated
        to the same end.
        """
        folder = folder_of(sync, settings)
        staging = _staging(folder, run_id)
        staged = [line for path in sorted(staging.glob("*.jsonl")) for line in _lines(path)]
        if staged:
            self._apply(folder, sync, run_id, staged)
        shutil.rmtree(staging, ignore_errors=True)

    def read(self, sync: str, settings: Mapping[str, str]) -> Iterator[Found]:
        """Yield the rows that readers see as they were written; one that was touched is gone."""
        folder = folder_of(sync, settings)
        path = folder / f"{sync}.csv"
        if not path.exists():
            return
        with path.open(newline="") as file:
            seen = Counter(tuple(row) for row in csv.reader(file))
        kept: dict[str, Row] = dict(_lines(folder / f".{sync}.rows"))
        lines = list(csv.reader(io.StringIO(as_csv(kept).decode())))[1:]
        for key, line in zip(sorted(kept), lines, strict=True):
            if seen[tuple(line)] > 0:
                seen[tuple(line)] -= 1
                yield Found(None, kept[key], key)

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a row as written has our value."""
        return is_same(ours, theirs)

    def _apply(self, folder: Path, sync: str, run_id: str, staged: list[Any]) -> None:
        mirror = staged[0][0] == "mirror"
        name = sync if mirror else f"{sync}-{run_id}"
        kept = folder / f".{name}.rows"
        rows: dict[str, Row] = dict(_lines(kept))
        for _, operation, key, fields in staged:
            if operation == "remove":
                rows.pop(key, None)
            else:
                rows[key] = fields
        content = as_csv(rows)
        kept_lines = [orjson.dumps(item) for item in rows.items()]
        replace(kept, b"\n".join([*kept_lines, b""]) if kept_lines else b"", mode=0o600)
        replace(folder / f"{name}.csv", content)
        if not mirror:
            # Rows of earlier runs are in their own files and are not needed to build this one.
            for other in set(folder.glob(f".{sync}-*.rows")) - {kept}:
                other.unlink()
        entry = {
            "name": f"{name}.csv",
            "run_id": run_id,
            "rows": len(rows),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        self._declare(folder / "manifest.json", sync, entry)

    def _declare(self, path: Path, sync: str, entry: Mapping[str, Any]) -> None:
        """Write the manifest with ``entry`` in place of an older one of the same file."""
        files = json.loads(path.read_text())["files"] if path.exists() else []
        others = [item for item in files if item["name"] != entry["name"]]
        manifest = {"sync": sync, "files": [*others, entry]}
        replace(path, json.dumps(manifest, indent=2).encode() + b"\n")


destination: Store = Files()
