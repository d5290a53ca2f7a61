"""The plan: what a sync would do, as a relation in the warehouse and as counts to look at."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reverse_etl.errors import SeamlineError
from reverse_etl.planning.diff import Diff
from reverse_etl.planning.guards import GuardVerdict, refusals
from reverse_etl.warehouse.dialect import literal


def held(reason: str) -> str:
    """Return the assignments by which planned work is held back."""
    return f"operation = 'hold', reason = {literal(reason)}, match = null, sent_match = null"


@dataclass(frozen=True)
class Plan:
    """What one run would do. ``sync.sync_plan`` holds its rows under ``run_id``."""

    run_id: str
    sync: str
    destination: str
    object: str
    mode: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    merged: int = 0
    appended: int = 0
    held_back: int = 0
    owed: int = 0  # removals that pass every guard
    held_reasons: tuple[tuple[str, int], ...] = ()
    changed_fields: tuple[tuple[str, int], ...] = ()
    audiences: tuple[tuple[str, int, int, int], ...] = ()  # name, added, changed, removed
    match_rows: int = 0  # rows that could be sent; by match key, how many of them can be found
    match_coverage: tuple[tuple[str, int], ...] = ()
    guards: tuple[GuardVerdict, ...] = ()
    sending: dict[str, int] = field(default_factory=dict)  # by operation, once guards have spoken
    replaces: bool = False  # additions and changes are audiences as a whole
    takes_all: bool = False  # nothing was held, and every row of the relation is to be sent
    diff: Diff | None = field(default=None, repr=False, compare=False)

    @property
    def refusals(self) -> tuple[GuardVerdict, ...]:
        """The guards that refuse and are not overridden."""
        return refusals(self.guards)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do, guards or not."""
        return not (self.added or self.changed or self.removed or self.merged or self.appended)

    @property
    def sendable(self) -> str:
        """The condition on ``sync_plan`` for the rows of this run that may leave."""
        return f"run_id = {literal(self.run_id)} and operation <> 'hold'"

    def as_json(self) -> dict[str, Any]:
        """Return the plan for ``--json``."""
        return {
            "sync": self.sync,
            "run_id": self.run_id,
            "destination": self.destination,
            "object": self.object,
            "mode": self.mode,
            "added": self.added,
            "changed": self.changed,
            "removed": self.removed,
            "merged": self.merged,
            "appended": self.appended,
            "held_back": self.held_back,
            "owed_removals": self.owed,
            "held_reasons": dict(self.held_reasons),
            "changed_fields": dict(self.changed_fields),
            "audiences": {
                name: {"added": added, "changed": changed, "removed": removed}
                for name, added, changed, removed in self.audiences
            },
            "match_coverage": {"rows": self.match_rows, **dict(self.match_coverage)},
            "replaces": self.replaces,
            "guards": [verdict.as_json() for verdict in self.guards],
            "refused": bool(self.refusals),
        }


def clock() -> datetime:
    """Return the present instant: UTC, without a time zone, as the warehouse keeps times."""
    return datetime.now(UTC).replace(tzinfo=None)


def as_of() -> datetime:
    """Return the instant that data is judged by: ``SEAMLINE_AS_OF``, else now."""
    configured = os.environ.get("SEAMLINE_AS_OF")
    if not configured:
        return clock()
    try:
        instant = datetime.fromisoformat(configured)
    except ValueError:
        raise SeamlineError(
            f"SEAMLINE_AS_OF is '{configured}'; write it as 2026-11-01T00:00:00."
        ) from None
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def new_run_id() -> str:
    """Return an id that sorts by time and never repeats, whatever the clock does."""
    return f"{clock():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
