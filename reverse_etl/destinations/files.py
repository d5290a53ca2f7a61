"""A folder of files: for people and tools that fetch what they need.

``csv``, ``jsonl`` and ``parquet`` are its objects. ``mirror`` keeps ``<folder>/<sync>/<sync>.csv``
equal to the rows of the sync; ``append`` writes one file per run, ``<sync>-<run>.csv``, each with
``manifest.json`` beside it: see ``reverse_etl/conversation/drop.py``.

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

Hidden files, in which batches are staged, can be read by their owner alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import ChannelObject, Setting, Store
from reverse_etl.channel.exchange import Found, Verdict
from reverse_etl.conversation import drop
from reverse_etl.conversation.edits import is_same
from reverse_etl.home import home_directory


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


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine."""

    path: Path

    def get(self, name: str) -> bytes | None:
        """See ``drop.Folder``."""
        path = self.path / name
        return path.read_bytes() if path.exists() else None

    def put(self, name: str, content: bytes) -> None:
        """See ``drop.Folder``."""
        self.path.mkdir(parents=True, exist_ok=True)
        replace(self.path / name, content, 0o600 if name.startswith(".") else 0o644)

    def names(self, prefix: str) -> list[str]:
        """See ``drop.Folder``."""
        if not self.path.is_dir():
            return []
        found = (path.name for path in self.path.iterdir() if not path.name.endswith(".partial"))
        return sorted(name for name in found if name.startswith(prefix))

    def remove(self, names: Iterable[str]) -> None:
        """See ``drop.Folder``."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)


class Files:
    """Files in a folder."""

    slug = "files"
    label = "Files"
    settings: tuple[Setting, ...] = (Setting("DIRECTORY", "folder to write into", required=False),)
    objects: tuple[ChannelObject, ...] = drop.OBJECTS

    def write(self, batch: Batch) -> Sequence[Verdict]:
        """Stage one batch."""
        return drop.stage(LocalFolder(folder_of(batch.sync, batch.settings)), batch)

    def commit(self, sync: str, run_id: str, settings: Mapping[str, str]) -> None:
        """Apply what this run staged to what readers see."""
        drop.commit(LocalFolder(folder_of(sync, settings)), sync, run_id)

    def read(self, sync: str, settings: Mapping[str, str]) -> Iterator[Found]:
        """Yield the rows that readers see."""
        return drop.read(LocalFolder(folder_of(sync, settings)), sync)

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a row as written has our value."""
        return is_same(ours, theirs)


destination: Store = Files()
