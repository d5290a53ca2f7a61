"""The one story: plan → guard → spool → send → journal → commit.

A run is in one of three states. Before its plan is committed nothing has happened. From then on its
spool lies complete on this disk, and whoever comes next finishes it first. Once its verdicts are
committed the spool is of no use and goes. A kill between any two lines leaves one of the three.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from reverse_etl.channel.connection import Connection
from reverse_etl.contract.project import Project, Sync
from reverse_etl.delivery.http import Patience
from reverse_etl.delivery.outcome import Outcome
from reverse_etl.delivery.send import Progress, Sender
from reverse_etl.delivery.spool import Spool, find_spool
from reverse_etl.delivery.spooling import write_spool
from reverse_etl.ledger.commit import Commit
from reverse_etl.ledger.runs import SyncResult, begin_run, end_run, lost_outcome, unfinished_runs
from reverse_etl.ledger.tables import forget_old_logs, prepare_ledger
from reverse_etl.planning.caps import counting
from reverse_etl.planning.plan import Plan, clock
from reverse_etl.planning.planner import make_plan
from reverse_etl.planning.undo import Undo
from reverse_etl.warehouse.lock import sync_lock
from reverse_etl.warehouse.opening import open_warehouse
from reverse_etl.warehouse.session import Warehouse

__all__ = ["Patience", "Plan", "SyncResult", "Undo", "plan_sync", "run_sync"]

log = logging.getLogger("seamline")


def plan_sync(
    project: Project,
    name: str,
    *,
    overrides: Collection[str] = (),
    only: str | None = None,
    undo: Undo | None = None,
    replaces: bool = False,
) -> Plan:
    """Plan a sync and leave its rows in ``sync.sync_plan``; nothing is sent.

    ``overrides`` are guards that would be sent in spite of; ``replaces`` as in ``run_sync``.

    Raises:
        SeamlineError: the sync, its connection or the warehouse is not what it should be.
    """
    sync = project.sync(name)
    project.connection(sync)
    sync = undo.apply(sync) if undo else sync
    with ledger(project) as warehouse, warehouse.transaction():
        return make_plan(
            project, sync, warehouse, overrides=overrides, only=only, undo=undo, replaces=replaces
        )


def run_sync(
    project: Project,
    name: str,
    *,
    overrides: Collection[str] = (),
    because: str = "",
    only: str | None = None,
    undo: Undo | None = None,
    replaces: bool = False,
    touched_since: datetime | None = None,
    on_progress: Progress | None = None,
    patience: Patience | None = None,
) -> SyncResult:
    """Bring a channel up to date with the warehouse, and return what happened.

    An earlier run that was cut short is finished first. Vendors' verdicts, refusing guards and
    channels that do not answer are results; only what a user must mend is raised.

    Args:
        project: the project that declares the sync.
        name: the sync.
        overrides: guards to send in spite of; recorded with the run.
        because: why they are overridden; recorded beside them.
        only: one key; everything else is left for later.
        undo: the run to take back instead of bringing the channel up to date.
        replaces: send each audience as a whole, in the place of all that the channel has of it.
        touched_since: look only at whom micro-batches have touched since then, that one included.
        on_progress: called with rows done and rows in all, from any thread.
        patience: how long the channel is waited for.

    Raises:
        SeamlineError: the sync, its connection or the warehouse is not what it should be.
    """
    sync = project.sync(name)
    connection = project.connection(sync)
    with sync_lock(project.profile, project.home, name):
        story = _Story(project, sync, connection, patience or Patience(), on_progress)
        finished = story.finish_earlier_run()
        if finished is not None and finished.status == "failed":
            return finished
        return story.run(
            overrides=overrides,
            because=because,
            only=only,
            undo=undo,
            replaces=replaces,
            touched_since=touched_since,
        )


@contextmanager
def ledger(project: Project) -> Iterator[Warehouse]:
    """Open the warehouse with an up-to-date ledger."""
    with open_warehouse(project.profile, project.home) as warehouse:
        with warehouse.alone("the ledger"):
            prepare_ledger(warehouse)
        yield warehouse


@dataclass(frozen=True)
class _Story:
    project: Project
    sync: Sync
    connection: Connection
    patience: Patience
    on_progress: Progress | None

    def run(
        self,
        *,
        overrides: Collection[str],
        because: str,
        only: str | None,
        undo: Undo | None,
        replaces: bool,
        touched_since: datetime | None,
    ) -> SyncResult:
        """Plan anew and carry the plan out."""
        started_at, began = clock(), time.monotonic()
        sync = undo.apply(self.sync) if undo else self.sync
        with ledger(self.project) as warehouse:
            self._give_up_lost_runs(warehouse)
            with warehouse.alone("the ledger"), warehouse.transaction():
                forget_old_logs(warehouse, self.project.log_retention_days, started_at)
            with counting(self.project, sync, warehouse), warehouse.transaction():
                plan = make_plan(
                    self.project,
                    sync,
                    warehouse,
                    overrides=overrides,
                    only=only,
                    undo=undo,
                    replaces=replaces,
                    touched_since=touched_since,
                )
                undoes = undo.run_id if undo else None
                begin_run(
                    self.project,
                    sync,
                    plan,
                    warehouse,
                    started_at=started_at,
                    because=because,
                    undoes=undoes,
                )
                if not plan.sending:
                    is_whole = only is None and undo is None and touched_since is None
                    return self._end(plan.run_id, Outcome(), warehouse, began, is_whole=is_whole)
                spool = write_spool(self.project.home, sync, plan, warehouse)
        return self._carry_out(spool, time.monotonic() - began)

    def finish_earlier_run(self) -> SyncResult | None:
        """Send and commit what a run that was cut short has left in its spool."""
        spool = find_spool(self.project.home, self.sync.name)
        if spool is None:
            return None
        with ledger(self.project) as warehouse:
            is_unfinished = spool.run_id in unfinished_runs(self.sync, warehouse)
        if not is_unfinished:
            spool.remove()
            return None
        log.warning("Run %s of sync '%s' was cut short; finishing it.", spool.run_id, spool.sync)
        return self._carry_out(spool)

    def _carry_out(self, spool: Spool, warehouse_seconds: float = 0.0) -> SyncResult:
        sender = Sender(self.sync, self.connection, spool, self.patience, self.on_progress)
        outcome = sender.run()
        began = time.monotonic() - warehouse_seconds
        with ledger(self.project) as warehouse, warehouse.transaction():
            result = self._end(
                spool.run_id,
                outcome,
                warehouse,
                began,
                labels=spool.labels,
                is_whole=spool.is_whole,
            )
        spool.remove()
        return result

    def _give_up_lost_runs(self, warehouse: Warehouse) -> None:
        """A run without a spool on this disk: its machine is gone, and what it sent is unknown."""
        for run_id in unfinished_runs(self.sync, warehouse):
            log.warning("Run %s of sync '%s' has lost its spool.", run_id, self.sync.name)
            with warehouse.transaction():
                self._end(run_id, lost_outcome(), warehouse, time.monotonic(), is_whole=False)

    def _end(
        self,
        run_id: str,
        outcome: Outcome,
        warehouse: Warehouse,
        began: float,
        *,
        labels: dict[str, str] | None = None,
        is_whole: bool,
    ) -> SyncResult:
        """Commit a run; the warehouse has been its own since ``began``, by the monotonic clock."""
        commit = Commit(self.sync, run_id, outcome, warehouse, clock(), labels or {}, is_whole)
        tally = commit.write()
        seconds = time.monotonic() - began
        return end_run(self.sync, run_id, outcome, tally, warehouse, warehouse_seconds=seconds)
