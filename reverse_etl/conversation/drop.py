"""A drop of files: what every destination that is a folder somewhere does alike.

``mirror`` keeps ``<sync>.<format>`` equal to the rows of the sync; ``append`` writes one file per
run, ``<sync>-<run>.<format>``. ``manifest.json`` beside them names each file with its rows, sha256
and run, and is written last: a reader who finds another sha256 reads again.

Batches are staged under hidden names. A commit puts each file in its place at once, so that readers
see the old one or the new one, never a half; repeated after a crash, it comes to the same end.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson

from reverse_etl.channel.batch import Batch, as_json
from reverse_etl.channel.destination import ChannelObject, Limits
from reverse_etl.channel.exchange import Found, Verdict
from reverse_etl.conversation.tabular import FORMATS, Row, decode, encode
from reverse_etl.conversation.verdicts import acknowledged

STAGED = ".staged-"
OBJECTS = tuple(
    ChannelObject(
        name,
        modes=("mirror", "append"),
        limits=Limits(rows=50_000, bytes=50_000_000, requests_per_second=1_000, concurrency=1),
        lists=True,
    )
    for name in FORMATS
)


class Folder(Protocol):
    """Where the files of one sync lie."""

    def get(self, name: str) -> bytes | None:
        """Return a file's content, ``None`` where there is no such file."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Put content in its place at once; a name that begins with a dot is for us alone."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Return the names that begin so, in order."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Delete files; one that is gone already is no fault."""
        ...


def stage(folder: Folder, batch: Batch) -> Sequence[Verdict]:
    """Write down one batch; written again after a crash it takes its own place."""
    head = [batch.object, batch.mode]
    lines = [
        orjson.dumps([*head, record.operation, record.key, record.fields], default=as_json)
        for record in batch.records
    ]
    folder.put(f"{_staged(batch.run_id)}{batch.batch_id}.jsonl", b"\n".join([*lines, b""]))
    return acknowledged(batch.records)


def commit(folder: Folder, sync: str, run_id: str) -> None:
    """Apply what a run staged to what readers see."""
    names = folder.names(_staged(run_id))
    staged = [line for name in names for line in _lines(folder.get(name))]
    if staged:
        _apply(folder, sync, run_id, staged)
    # Those of a run that could not be committed and was given up are nobody's any more.
    folder.remove(folder.names(STAGED))


def read(folder: Folder, sync: str) -> Iterator[Found]:
    """Yield the rows that readers see as they were written; one that was touched is gone."""
    kept: dict[str, Row] = dict(_lines(folder.get(f".{sync}.rows")))
    for kind in FORMATS:
        content = folder.get(f"{sync}.{kind}")
        if content is None:
            continue
        seen = Counter(map(orjson.dumps, decode(kind, content)))
        written = decode(kind, encode(kind, kept))
        for key, row in zip(sorted(kept), map(orjson.dumps, written), strict=True):
            if seen[row] > 0:
                seen[row] -= 1
                yield Found(None, kept[key], key)


def _staged(run_id: str) -> str:
    return f"{STAGED}{run_id}-"


def _lines(content: bytes | None) -> Iterator[Any]:
    for line in (content or b"").splitlines():
        yield orjson.loads(line)


def _apply(folder: Folder, sync: str, run_id: str, staged: list[Any]) -> None:
    kind, mode = staged[0][:2]
    name = sync if mode == "mirror" else f"{sync}-{run_id}"
    kept = f".{name}.rows"
    rows: dict[str, Row] = dict(_lines(folder.get(kept)))
    for _, _, operation, key, fields in staged:
        if operation == "remove":
            rows.pop(key, None)
        else:
            rows[key] = fields
    content = encode(kind, rows)
    # What was applied is kept by key, so that a commit cut short is repeated to the same end.
    folder.put(kept, b"".join(orjson.dumps(item) + b"\n" for item in rows.items()))
    folder.put(f"{name}.{kind}", content)
    if mode == "append":
        # Rows of earlier runs are in their own files and are not needed to build this one.
        others = (found for found in folder.names(f".{sync}-") if found.endswith(".rows"))
        folder.remove(found for found in others if found != kept)
    entry = {
        "name": f"{name}.{kind}",
        "run_id": run_id,
        "rows": len(rows),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    former = [f"{name}.{other}" for other in FORMATS if other != kind]
    _declare(folder, sync, entry, former)
    folder.remove(former)


def _declare(folder: Folder, sync: str, entry: Mapping[str, Any], former: Sequence[str]) -> None:
    """Write the manifest with ``entry`` in place of an older one, also of a former format."""
    known = folder.get("manifest.json")
    files = json.loads(known)["files"] if known else []
    others = [item for item in files if item["name"] not in (entry["name"], *former)]
    manifest = {"sync": sync, "files": [*others, entry]}
    folder.put("manifest.json", json.dumps(manifest, indent=2).encode() + b"\n")
