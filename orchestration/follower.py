"""What lands, or falls due, taken up batch by batch and brought to the channels.

A batch computes the people touched and sends what changed of them. What goes wrong stays where it
is: a file that cannot be read, a channel that is down; everything else goes on. Only what may
forbid to send (a refusal that nobody has read yet) stops the sending altogether.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import typer

from orchestration.arrivals import Known, Table, changed_files, uncounted_rows
from orchestration.landing import open_warehouse
from orchestration.load import FilesRefusedError, load_folder
from orchestration.parsing import warm_dbt
from reverse_etl.contract.profile import read_profile
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory
from reverse_etl.planning.plan import as_of
from reverse_etl.sync import Patience, SyncResult, run_sync
from reverse_etl.warehouse.opening import open_warehouse as open_ledger

_PATIENCE_SECONDS = 600.0
_RETRY_SECONDS = 600.0
# A channel that is down is asked again with the next batch, for which nobody shall wait long.
_OF_A_CHANNEL = Patience(attempts=4, seconds=30.0)
# What decides for every sync whether somebody may be sent at all.
_DECIDING = frozenset({"current_consents", "suppressions"})
# What a sync owes that has not been through once.
_EVERYBODY = datetime.min


@dataclass(frozen=True)
class RefusedFile:
    """A file that cannot be read: the raw table it is for, and why."""

    table: Table
    reason: str


@dataclass(frozen=True)
class Followed:
    """One micro-batch and what its syncs came to; ``seconds`` from the look to the last answer.

    ``refused`` are the files that could not be read and were not told of before.
    """

    moment: datetime
    landed: int
    people: int
    models: tuple[str, ...]
    sql_seconds: float
    syncs: tuple[SyncResult, ...]
    refused: tuple[RefusedFile, ...]
    seconds: float

    def sentence(self) -> str:
        """Return it for a person."""
        sent = [
            f"{result.sync} {result.acknowledged:,}" + (f" ({result.status})" if bad else "")
            for result in self.syncs
            if (bad := result.status != "done") or result.acknowledged
        ]
        return (
            f"{self.moment:%H:%M:%S}  {self.landed:,} rows landed, {self.people:,} people touched; "
            f"sent: {', '.join(sent) or 'nothing'}; {self.seconds:.1f} s"
        )

    def as_json(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return {
            "moment": self.moment.isoformat(),
            "landed": self.landed,
            "people": self.people,
            "sql_seconds": round(self.sql_seconds, 3),
            "syncs": [result.as_json() for result in self.syncs],
            "refused_files": [file.reason for file in self.refused],
            "seconds": round(self.seconds, 3),
        }


class Follower:
    """Takes up what changes, batch by batch, and brings every sync up to date with it.

    Args:
        folder: where files to land arrive; None where another loader fills the raw tables.

    Raises:
        SeamlineError: the warehouse is not DuckDB, or no full build has published its manifest.
    """

    def __init__(self, folder: Path | None) -> None:
        if read_profile().dialect != "duckdb":
            raise SeamlineError(
                "seamline follow: micro-batches are computed on DuckDB only; elsewhere the sensor "
                "`changes` builds what is below the tables that changed."
            )
        self.manifest = home_directory() / "manifest.json"
        if not self.manifest.is_file():
            raise SeamlineError(
                f"{self.manifest} is not there: build the project first, with the daily job."
            )
        self._folder = folder
        self._files: Known = {}
        self._broken: dict[str, RefusedFile] = {}
        self._project: tuple[int, Project] | None = None
        # From which batch on a sync has yet to be told of the touched; None: of nobody.
        self._owed: dict[str, datetime | None] = {}
        self._sent_at = -_RETRY_SECONDS

    def step(self) -> Followed | None:
        """Land, compute and send. Returns None where there was nothing to do.

        What a sync did not get through, because it failed or was refused, it looks at again with
        the next batch, or after ten minutes.

        Raises:
            SeamlineError: the micro-batch failed, and the warehouse is as it was; or something
                arrived that may forbid to send, and no build has taken it up.
        """
        began, moment = time.monotonic(), as_of()
        refused = self._land()
        batch = self._take_up(moment)
        project = self._loaded()
        owing = self._owing(project, batch, moment)
        if not (batch["landed"] or batch["people"] or owing or refused):
            return None
        if owing:
            self._sent_at = time.monotonic()
            self._refuse_undecided(project)
        # Each channel has its own pace, and one that is down keeps no other waiting.
        with ThreadPoolExecutor(max(1, len(owing)), thread_name_prefix="sync") as pool:
            results = tuple(pool.map(partial(self._sync, project), owing))
        return Followed(
            moment=moment,
            landed=batch["landed"],
            people=batch["people"],
            models=tuple(batch["models"]),
            sql_seconds=batch["sql_seconds"],
            syncs=results,
            refused=refused,
            seconds=time.monotonic() - began,
        )

    def _land(self) -> tuple[RefusedFile, ...]:
        """Land what has arrived. Returns the files that cannot be read, each one once."""
        # That nothing has arrived yet is no mistake here.
        if self._folder is None or not any(each.is_file() for each in self._folder.rglob("*")):
            return ()
        sources = {path.name for path in self._folder.iterdir() if path.is_dir()}
        tables, files = changed_files(self._folder, sources, self._files)
        still = {
            label: file
            for label, file in self._broken.items()
            if label in files and files[label] == self._files.get(label)
        }
        broken: dict[str, RefusedFile] = {}
        if tables:
            only = {schema.removeprefix("raw_") for schema, _ in tables}
            try:
                load_folder(self._folder, read_profile(), only=only)
            except FilesRefusedError as error:
                for file, reason in error.refused:
                    table = (f"raw_{file.source_name}", file.table_name)
                    broken[file.label] = RefusedFile(table, reason)
        self._files, self._broken = files, still | broken
        return tuple(file for label, file in broken.items() if label not in still)

    def _take_up(self, moment: datetime) -> Mapping[str, Any]:
        # dbt would not say who holds the file.
        with open_warehouse(read_profile(), _PATIENCE_SECONDS, partial(typer.echo, err=True)):
            pass
        command = warm_dbt().take_up(self.manifest, moment, os.environ)
        said = [line for line in command if not line.startswith(b'{"info"')]
        if command.wait() != 0:
            raise SeamlineError(f"The micro-batch failed:\n{b''.join(said).decode()}")
        answer: Mapping[str, Any] = json.loads(said[-1])
        return answer

    def _loaded(self) -> Project:
        """Return the project as the last full build published it."""
        published = self.manifest.stat().st_mtime_ns
        if self._project is None or self._project[0] != published:
            self._project = (published, Project.load())
        return self._project[1]

    def _owing(self, project: Project, batch: Mapping[str, Any], moment: datetime) -> Sequence[str]:
        """Return the syncs that are to look now: at what a batch changed, or after a while."""
        changed = set(batch["changed"])
        for name in project.syncs:
            if name not in self._owed:
                self._owed[name] = _EVERYBODY
            elif self._owed[name] is None:
                model = project.manifest.nodes[project.sync(name).model]["name"]
                if changed & {model, *_DECIDING}:
                    self._owed[name] = moment
        is_time = time.monotonic() - self._sent_at >= _RETRY_SECONDS
        if not (batch["people"] or is_time):
            return ()
        return [name for name in project.syncs if self._owed[name] is not None]

    def _refuse_undecided(self, project: Project) -> None:
        """Send nothing while rows wait that may say of somebody that nothing may be sent."""
        manifest = project.manifest
        telling = set().union(
            *(
                manifest.ancestors(unique_id)
                for unique_id, node in manifest.nodes.items()
                if node["name"].endswith(("__consents", "__suppressions"))
            )
        )
        sources = {each: manifest.sources[each] for each in telling & manifest.sources.keys()}
        tables = {(source["schema"], source["identifier"]) for source in sources.values()}
        for file in self._broken.values():
            if file.table in tables:
                raise SeamlineError(
                    f"{file.reason} It may withdraw a consent: nothing is sent until it can be "
                    "read, or has been moved away."
                )
        with open_ledger(project.profile, project.home) as warehouse:
            waiting = uncounted_rows({"sources": sources}, warehouse)
        if waiting:
            names = ", ".join(f"{schema}.{table}" for schema, table in sorted(waiting))
            raise SeamlineError(
                f"{names}: rows have landed that may withdraw a consent, and no build has taken "
                "them up; nothing is sent until one has. Run the daily job, or switch on its "
                "sensor `changes`."
            )

    def _sync(self, project: Project, name: str) -> SyncResult:
        """Plan for whom the batches since the sync's last success have touched."""
        since = self._owed[name]
        touched_since = None if since == _EVERYBODY else since
        try:
            result = run_sync(project, name, touched_since=touched_since, patience=_OF_A_CHANNEL)
        except SeamlineError as error:
            destination = project.sync(name).destination
            return SyncResult("", name, destination, "failed", error=str(error))
        if result.status in ("done", "rejected"):
            self._owed[name] = None
        return result
