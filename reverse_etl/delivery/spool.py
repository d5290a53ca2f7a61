"""The spool: what a run is going to send, on local disk, so that the warehouse can be released.

``<home>/spool/<sync>/<run>/`` holds ``header.json``, ``records.arrow`` and later ``journal.jsonl``.
It is complete whenever it is there (``spooling`` writes it), and gone once the run is committed.
Batches are cut from it in the same way each time, so that a run continued after a crash sends the
same batches under the same ids.
"""

from __future__ import annotations

import json
import shutil
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from reverse_etl.channel.batch import Operation
from reverse_etl.channel.destination import Limits
from reverse_etl.channel.records import Records, offsets_of

if TYPE_CHECKING:
    import pyarrow as pa

OVERHEAD_BYTES = 24  # that a channel's own form may need around a record's text


@dataclass(frozen=True)
class Piece:
    """Records of one batch."""

    number: int
    operation: Operation
    audience: str
    records: Records


@dataclass(frozen=True)
class Spool:
    """A complete spool. ``labels`` are what the audiences are called, ``audiences`` their ids.

    ``wholes`` are the audiences that are sent as a whole, each with how many records it has.
    """

    folder: Path
    run_id: str
    sync: str
    rows: int
    limits: Limits
    labels: dict[str, str]
    audiences: dict[str, str]
    is_whole: bool
    wholes: dict[str, int] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        """Where verdicts are written down as they come."""
        return self.folder / "journal.jsonl"

    def pieces(self) -> Iterator[Piece]:
        """Yield what is sent batch by batch; where audiences are sent as a whole, removals only."""
        return (each for each in self._pieces() if not self._is_of_a_whole(each))

    def whole_pieces(self) -> Iterator[Piece]:
        """Yield the batches of audiences that are sent as a whole, one audience after the other."""
        return (each for each in self._pieces() if self._is_of_a_whole(each))

    def _is_of_a_whole(self, piece: Piece) -> bool:
        return bool(self.wholes) and piece.operation not in ("remove", "merge")

    def _pieces(self) -> Iterator[Piece]:
        """Yield batches within the limits, each of one operation and one audience."""
        number = 0
        for rows in self._rows():
            operation: Operation = rows.column("operation")[0].as_py()
            for audience, members in _by_audience(rows):
                for part in self._cut(members):
                    yield Piece(number, operation, audience, Records(part, operation))
                    number += 1

    def remove(self) -> None:
        """Delete the spool: the run is committed."""
        shutil.rmtree(self.folder)

    def _rows(self) -> Iterator[pa.RecordBatch]:
        """Read piece by piece: a mapped file would count as memory of this process."""
        import pyarrow as pa  # noqa: PLC0415 - only a run with something to send pays for it

        with pa.OSFile(str(self.folder / "records.arrow")) as source:
            yield from (batch for batch in pa.ipc.open_stream(source) if batch.num_rows)

    def _cut(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        offsets = offsets_of(rows)
        start = 0
        while start < rows.num_rows:
            fitting = bisect_right(
                range(start + 1, min(rows.num_rows, start + self.limits.rows) + 1),
                self.limits.bytes,
                key=lambda end: offsets[end] - offsets[start] + OVERHEAD_BYTES * (end - start),
            )
            count = max(1, fitting)
            yield rows.slice(start, count)
            start += count


def _by_audience(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Cut rows, which are in the order of their audiences, where one ends."""
    audiences = rows.column("audience")
    if audiences[0] == audiences[-1]:
        yield audiences[0].as_py(), rows
        return
    start = 0
    for audience, members in groupby(audiences.to_pylist()):
        count = sum(1 for _ in members)
        yield audience, rows.slice(start, count)
        start += count


def spool_folder(home: Path, sync: str) -> Path:
    """Return where the spools of one sync lie."""
    return home / "spool" / sync


def find_spool(home: Path, sync: str) -> Spool | None:
    """Return the spool of an unfinished run; leftovers of one that never began are deleted."""
    found = None
    folder = spool_folder(home, sync)
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        header = entry / "header.json"
        if entry.suffix == ".partial" or not header.is_file():
            shutil.rmtree(entry)
        else:
            content = json.loads(header.read_text())
            limits = Limits(**content.pop("limits"))
            found = Spool(folder=entry, limits=limits, **content)
    return found
