"""``seamline follow``: what lands, or falls due, is at the channels seconds later.

A process that stays. dbt is parsed once, in a process beside it; each micro-batch computes the
people touched and sends what changed of them. Whatever concerns more than its own people waits for
the daily job or its sensor: files of a shop or a CRM, quintiles, tests.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.arrivals import Known, changed_files, uncounted_rows
from orchestration.landing import open_warehouse
from orchestration.load import landing_folder, load_folder
from orchestration.parsing import warm_dbt
from orchestration.reporting import report
from reverse_etl.contract.profile import read_profile
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory
from reverse_etl.planning.plan import as_of
from reverse_etl.sync import SyncResult, run_sync
from reverse_etl.warehouse.opening import open_warehouse as open_ledger

_PATIENCE_SECONDS = 600.0
_RETRY_SECONDS = 600.0
# What a sync owes that has not been through once.
_EVERYBODY = datetime.min


@dataclass(frozen=True)
class Followed:
    """One micro-batch and what its syncs came to; ``seconds`` from the look to the last answer."""

    moment: datetime
    landed: int
    people: int
    models: tuple[str, ...]
    sql_seconds: float
    syncs: tuple[SyncResult, ...]
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
                landed that may forbid to send, and no build has taken it up.
        """
        began, moment = time.monotonic(), as_of()
        self._land()
        batch = self._take_up(moment)
        project = self._loaded()
        for name in project.syncs:
            if name not in self._owed:
                self._owed[name] = _EVERYBODY
            elif batch["people"] and self._owed[name] is None:
                self._owed[name] = moment
        owing = [name for name in project.syncs if self._owed[name] is not None]
        is_time = time.monotonic() - self._sent_at >= _RETRY_SECONDS
        if not owing or not (batch["people"] or is_time):
            return None
        self._sent_at = time.monotonic()
        self._refuse_undecided(project)
        results = tuple(self._sync(project, name) for name in owing)
        seconds = time.monotonic() - began
        models = tuple(batch["models"])
        return Followed(
            moment,
            batch["landed"],
            batch["people"],
            models,
            batch["sql_seconds"],
            results,
            seconds,
        )

    def _land(self) -> None:
        # That nothing has arrived yet is no mistake here.
        if self._folder is None or not any(each.is_file() for each in self._folder.rglob("*")):
            return
        sources = {path.name for path in self._folder.iterdir() if path.is_dir()}
        tables, self._files = changed_files(self._folder, sources, self._files)
        if tables:
            only = {schema.removeprefix("raw_") for schema, _ in tables}
            load_folder(self._folder, read_profile(), only=only)

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
        with open_ledger(project.profile, project.home) as warehouse:
            waiting = uncounted_rows({"sources": sources}, warehouse)
        if waiting:
            tables = ", ".join(f"{schema}.{table}" for schema, table in sorted(waiting))
            raise SeamlineError(
                f"{tables}: rows have landed that may withdraw a consent, and no build has taken "
                "them up; nothing is sent until one has. Run the daily job, or switch on its "
                "sensor `changes`."
            )

    def _sync(self, project: Project, name: str) -> SyncResult:
        """Plan for whom the batches since the sync's last success have touched."""
        since = self._owed[name]
        result = run_sync(project, name, touched_since=None if since == _EVERYBODY else since)
        if result.status in ("done", "rejected"):
            self._owed[name] = None
        return result


def follow(
    *,
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON per batch.")] = False,
) -> None:
    """Stay, and bring what lands or falls due to the channels within seconds.

    Computes the people that new events touch, and nobody else, in DuckDB; then plans and sends for
    them alone. The project must have been built once. What concerns more than its own people (files
    of a shop or a CRM, quintiles, tests) is left to the daily job. Ctrl-C ends it at any time:
    what was not committed is taken up by the next one.

    Example: seamline follow --every 1
    """
    follower = Follower(landing_folder())
    while True:
        try:
            followed = follower.step()
        except SeamlineError as error:
            if once:
                raise
            typer.echo(f"{error} Asked again in {every:g} seconds.", err=True)
        else:
            if followed:
                report(followed, follower.manifest)
                told = json.dumps(followed.as_json()) if as_json else followed.sentence()
                typer.echo(told)
        if once:
            return
        time.sleep(every)
