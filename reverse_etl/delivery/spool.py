"""The spool: what a run is going to send, on local disk, so that the warehouse can be released.

``<home>/spool/<sync>/<run>/`` holds ``header.json``, the records in a file for each operation
(``add.lines``), and later ``journal.jsonl``. It is complete whenever it is there (``spooling``
writes it), and gone once the run is committed. Batches are cut from it in the same way each time,
so that a run continued after a crash sends the same batches under the same ids.
"""

from __future__ import annotations

import json
import shutil
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from pathlib import Path

import orjson

from reverse_etl.channel.batch import Operation
from reverse_etl.channel.destination import Limits
from reverse_etl.channel.records import Records, audience_of, size_of

BLOCK_BYTES = 262_144  # larger ones cost a mapping each
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

    ``operations`` are in the order that they are sent in. ``wholes`` are the audiences that are
    sent as a whole, each with how many records it has.
    """

    folder: Path
    run_id: str
    sync: str
    rows: int
    operations: list[Operation]
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
        for operation in self.operations:
            for lines in self._cut(operation):
                audience = orjson.loads(audience_of(lines[0]) or b'""')
                yield Piece(number, operation, audience, Records(lines, operation, audience))
                number += 1

    def remove(self) -> None:
        """Delete the spool: the run is committed."""
        shutil.rmtree(self.folder)

    def _cut(self, operation: Operation) -> Iterator[list[bytes]]:
        """Yield the lines of each batch; one that a block ends in waits for the next block."""
        waiting: list[bytes] = []
        for lines in _blocks(records_file(self.folder, operation)):
            waiting += lines
            start = 0
            while (end := self._end(waiting, start)) < len(waiting):
                yield waiting[start:end]
                start = end
            del waiting[:start]
        if waiting:
            yield waiting

    def _end(self, lines: list[bytes], start: int) -> int:
        """Return where the batch ends that begins at ``start``; it has one line at least."""
        fitting = lines[start : start + self.limits.rows]
        if not fitting:
            return start
        if audience := audience_of(fitting[0]):
            fitting = list(takewhile(lambda line: audience_of(line) == audience, fitting))
        if sum(map(len, fitting)) + OVERHEAD_BYTES * len(fitting) <= self.limits.bytes:
            return start + len(fitting)
        sizes = accumulate(size_of(line) + OVERHEAD_BYTES for line in fitting)
        return start + max(1, bisect_right(list(sizes), self.limits.bytes))


def _blocks(path: Path) -> Iterator[list[bytes]]:
    """Read a file's lines piece by piece: a mapped one would count as memory of this process."""
    rest = b""
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            yield lines


def records_file(folder: Path, operation: Operation) -> Path:
    """Return where a spool in ``folder`` holds the records of one operation."""
    return folder / f"{operation}.lines"


def spool_folder(home: Path, sync: str) -> Path:
    """Return where the spools of one sync lie."""
    return home / "spool" / sync


def find_spool(home: Path, sync: str) -> Spool | None:
    """Return the spool of an unfinished run; leftovers of one that never began are deleted."""
    found = None
    folder = spool_folder(home, sync)
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        header = entry / "header.json"
        is_complete = entry.suffix != ".partial" and header.is_file()
        content = json.loads(header.read_text()) if is_complete else {}
        # One that another version wrote is as good as lost, and its run is seen to as such.
        if "operations" not in content:
            shutil.rmtree(entry)
        else:
            limits = Limits(**content.pop("limits"))
            found = Spool(folder=entry, limits=limits, **content)
    return found
