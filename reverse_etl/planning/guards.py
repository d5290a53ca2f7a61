"""Guards: what stops a sync before a byte leaves. Refusing is a result, not a crash.

Each guard is a function that looks and returns verdicts. A verdict may speak for one audience
alone: the others are then sent. Removals that are owed to someone (consent denied, suppressed) pass
every guard and never count as mass removal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from reverse_etl.contract.manifest import Manifest, Relation
from reverse_etl.contract.project import Project, Sync
from reverse_etl.warehouse.session import Warehouse

RESULTS = Relation("ops", "dbt_results")
FEWEST_REMOVALS = 10  # a fraction of a handful says nothing
FAILED = ("fail", "error", "runtime error", "skipped")


@dataclass(frozen=True)
class GuardVerdict:
    """What one guard found. ``audience`` is empty where it speaks for the whole sync."""

    name: str
    passed: bool
    reason: str = ""
    audience: str = ""
    overridden: bool = False

    @property
    def override(self) -> str:
        """How to send although the guard refuses."""
        return f"--override {self.name}"

    def as_json(self) -> dict[str, object]:
        """Return the verdict for ``--json`` and for ``sync_runs``."""
        return asdict(self) | ({} if self.passed else {"override": self.override})

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> GuardVerdict:
        """Return what ``as_json`` wrote."""
        return cls(**{name: value for name, value in entry.items() if name != "override"})


def refusals(guards: Iterable[GuardVerdict]) -> tuple[GuardVerdict, ...]:
    """Return the guards that refuse (the sync, or one audience) and are not overridden."""
    return tuple(guard for guard in guards if not (guard.passed or guard.overridden))


@dataclass(frozen=True)
class Counts:
    """What the plan would do to one audience (or to the sync's only one), and what is there."""

    held: int = 0
    removed: int = 0  # owed ones not among them


@dataclass(frozen=True)
class Sight:
    """What guards look at. ``types`` are the relation's columns as they really are."""

    project: Project
    sync: Sync
    warehouse: Warehouse
    now: datetime
    types: dict[str, str]
    row_count: int = 0
    counts: dict[str, Counts] | None = None
    empty_keys: int = 0
    repeated_keys: int = 0


def look_before_planning(sight: Sight) -> list[GuardVerdict]:
    """Return the verdicts that need no plan."""
    return [verdict for guard in BEFORE_PLANNING for verdict in guard(sight)]


def look_at_plan(sight: Sight) -> list[GuardVerdict]:
    """Return the verdicts on what was planned."""
    return [verdict for guard in OF_THE_PLAN for verdict in guard(sight)]


def schema_drift(sight: Sight) -> Iterator[GuardVerdict]:
    """The relation must have exactly the columns that its contract promises."""
    promised, found = set(sight.sync.columns), set(sight.types)
    complaints = []
    if not found:
        complaints.append(f"{sight.sync.relation} does not exist")
    elif promised - found:
        complaints.append(f"{sight.sync.relation} lacks {', '.join(sorted(promised - found))}")
    if found - promised:
        extra = ", ".join(sorted(found - promised))
        complaints.append(f"{sight.sync.relation} has {extra}, which the contract does not name")
    reason = "; ".join(complaints)
    yield GuardVerdict(
        "schema_drift", not reason, reason and f"{reason}: build the model again with dbt"
    )


def failed_tests(sight: Sight) -> Iterator[GuardVerdict]:
    """Everything the rows are made from must have been built, and its tests must hold."""
    manifest, sync = sight.project.manifest, sight.sync
    if not sight.warehouse.columns(RESULTS):
        reason = f"{RESULTS} does not exist: nobody knows which tests failed; build with dbt"
        yield GuardVerdict("failed_tests", False, reason)
        return
    latest = _latest_results(sight.warehouse)
    ancestors = manifest.ancestors(sync.model)
    known = ancestors | manifest.tests_of(ancestors)
    yield _results_verdict(manifest, known, latest)
    if sync.is_audience:
        # dbt has no edge from a segment to the audiences made of it: its YAML says where it goes.
        for segment, meta in manifest.segments():
            if {sync.destination, sync.connection} & set(meta.get("channels", [])):
                upstream = manifest.ancestors(segment)
                own = (upstream | manifest.tests_of(upstream)) - known
                verdict = _results_verdict(manifest, own, latest, manifest.nodes[segment]["name"])
                if not verdict.passed:
                    yield verdict


def stale_source(sight: Sight) -> Iterator[GuardVerdict]:
    """Every source that the rows come from must have landed something lately."""
    hours = sight.sync.guards.stale_after_hours
    if hours is None:
        yield GuardVerdict("stale_source", True, "no limit is set")
        return
    oldest = sight.now - timedelta(hours=hours)
    stale = [
        f"{source} last landed {landed:%Y-%m-%d %H:%M}" if landed else f"{source} never landed"
        for source, landed in _landings(sight)
        if landed is None or landed < oldest
    ]
    reason = f"{'; '.join(stale)}; the limit is {hours:g} hours" if stale else ""
    yield GuardVerdict("stale_source", not stale, reason)


def zero_rows(sight: Sight) -> Iterator[GuardVerdict]:
    """A relation that ran empty while the channel holds records is a broken upstream."""
    held = sum(counts.held for counts in (sight.counts or {}).values())
    empty = sight.row_count == 0 and held > 0 and sight.sync.mode != "append"
    reason = f"{sight.sync.relation} is empty while the channel holds {held} of its records"
    yield GuardVerdict("zero_rows", not empty, reason if empty else "")


def empty_keys(sight: Sight) -> Iterator[GuardVerdict]:
    """A record whose key is empty cannot be found again."""
    found = sight.empty_keys
    names = ", ".join(sight.sync.key)
    reason = f"{found} rows have no {names}; they are held back in any case" if found else ""
    yield GuardVerdict("empty_keys", not found, reason)


def duplicate_keys(sight: Sight) -> Iterator[GuardVerdict]:
    """Two rows for one key would overwrite each other at the channel, in any order."""
    found = sight.repeated_keys
    names = ", ".join(sight.sync.key)
    reason = f"{found} rows share their {names}; they are held back in any case" if found else ""
    yield GuardVerdict("duplicate_keys", not found, reason)


def removed_fraction(sight: Sight) -> Iterator[GuardVerdict]:
    """Losing a large part of an audience at once is more often a fault than a fact."""
    limit = sight.sync.guards.max_removed_fraction
    passed = True
    for audience, counts in (sight.counts or {}).items():
        if limit is None or counts.removed < FEWEST_REMOVALS:
            continue
        fraction = counts.removed / counts.held
        if fraction > limit:
            passed = False
            what = f"{counts.removed} of {counts.held} records ({fraction:.0%}) would be removed"
            yield GuardVerdict(
                "removed_fraction", False, f"{what}; the limit is {limit:.0%}", audience
            )
    if passed:
        yield GuardVerdict("removed_fraction", True)


def removed_count(sight: Sight) -> Iterator[GuardVerdict]:
    """No sync may remove more records than its declaration allows."""
    limit = sight.sync.guards.max_removed_count
    removed = sum(counts.removed for counts in (sight.counts or {}).values())
    exceeded = limit is not None and removed > limit
    reason = f"{removed} records would be removed; the limit is {limit}" if exceeded else ""
    yield GuardVerdict("removed_count", not exceeded, reason)


BEFORE_PLANNING = (schema_drift, failed_tests, stale_source)
OF_THE_PLAN = (zero_rows, empty_keys, duplicate_keys, removed_fraction, removed_count)
GUARDS = BEFORE_PLANNING + OF_THE_PLAN


def _latest_results(warehouse: Warehouse) -> dict[str, str]:
    return dict(
        warehouse.rows(
            "select unique_id, lower(status) from (select unique_id, status, row_number() over "
            "(partition by unique_id order by executed_at desc nulls last, invocation_id desc) "
            f"as recency from {RESULTS}) as results where recency = 1"
        )
    )


def _results_verdict(
    manifest: Manifest, nodes: set[str], latest: dict[str, str], audience: str = ""
) -> GuardVerdict:
    failed, unbuilt = [], []
    for node in sorted(nodes):
        if manifest.is_materialized(node):
            if latest.get(node) in (None, *FAILED):
                unbuilt.append(manifest.nodes[node]["name"])
        elif latest.get(node) in FAILED:
            failed.append(manifest.nodes[node]["name"])
    found = [("failed", failed), ("not built", unbuilt)]
    reason = "; ".join(f"{what}: {_some(names)}" for what, names in found if names)
    return GuardVerdict("failed_tests", not reason, reason, audience)


def _landings(sight: Sight) -> Iterator[tuple[str, datetime | None]]:
    """Yield each source with the time of its newest row over all tables that are read."""
    manifest = sight.project.manifest
    tables: dict[str, list[str]] = {}
    for unique_id in sorted(manifest.ancestors(sight.sync.model) & set(manifest.sources)):
        source = manifest.sources[unique_id]
        relation = manifest.relation(unique_id)
        column = source.get("loaded_at_field") or "_loaded_at"
        if column in sight.warehouse.columns(relation):
            query = f"select cast(max({column}) as timestamp) as landed from {relation}"
            tables.setdefault(source["source_name"], []).append(query)
    for source_name, queries in tables.items():
        union = " union all ".join(queries)
        yield (
            source_name,
            sight.warehouse.rows(f"select max(landed) from ({union}) as landings")[0][0],
        )


def _some(names: list[str], most: int = 3) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
