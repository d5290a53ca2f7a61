"""The ledger: what each channel is known to hold, what was sent, and by which run.

Six tables and a view. ``sync_snapshot`` is the truth that plans are made against; the others say
how it came about, ``sync_changelog`` record by record. None has a primary key: a run writes each
key once, and an index over a million keys costs more than the plan.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

from reverse_etl.channel.batch import Operation
from reverse_etl.delivery.outcome import Fate
from reverse_etl.errors import SeamlineError
from reverse_etl.planning.facing import PERMISSIONS
from reverse_etl.warehouse.dialect import IN_DOUBT, UNLIKE, Dialect, literal
from reverse_etl.warehouse.session import Warehouse

FIRST_VERSION = (
    # What one run is about to do. Match keys in clear are gone from it once the run is committed.
    """
    create table sync.sync_plan (
        run_id text, sync text, position bigint, audience text, key text, operation text,
        reason text, is_owed boolean, person_id text, purpose text, permission text,
        fingerprint text, previous_fingerprint text, marks {marks}, changed_fields text,
        match text, sent_match text, channel_id text
    )
    """,
    # What we added to a channel and have not removed. An empty fingerprint means: it may be there,
    # an answer was lost; the next run sends it again or takes it away, and never forgets it.
    """
    create table sync.sync_snapshot (
        sync text, audience text, key text, person_id text, purpose text, channel_id text,
        match text, fingerprint text, marks {marks}, field_names text, run_id text,
        sent_at timestamp
    )
    """,
    # Records that a channel refused, until it takes them or nobody wants to send them any more.
    """
    create table sync.sync_rejected (
        sync text, audience text, key text, operation text, fingerprint text, code text,
        reason text, is_permanent boolean, attempts bigint, run_id text, rejected_at timestamp
    )
    """,
    """
    create table sync.sync_changelog (
        run_id text, sync text, destination text, audience text, key text, person_id text,
        purpose text, permission text, operation text, changed_fields text, fingerprint text,
        status text, code text, reason text, channel_id text, recorded_at timestamp
    )
    """,
    """
    create table sync.sync_runs (
        run_id text, run_number bigint, sync text, destination text, connection text, mode text,
        target text, status text, started_at timestamp, finished_at timestamp,
        duration_seconds numeric(18, 3), added bigint, changed bigint, removed bigint,
        appended bigint, held_back bigint, acknowledged bigint, rejected bigint, pending bigint,
        requests bigint, retries bigint, guards text, overrides text, held_reasons text,
        rejections text, error text
    )
    """,
    """
    create table sync.sync_audiences (
        sync text, audience text, label text, channel_id text, created_at timestamp
    )
    """,
)

# Whose a record is, when what it tells of happened, what runs skip, merge and take back.
OWNERSHIP_AND_TIMES = (
    "alter table sync.sync_plan add column is_ours boolean",
    "alter table sync.sync_plan add column occurred_at timestamp",
    "alter table sync.sync_plan add column into_key text",
    "alter table sync.sync_plan add column into_id text",
    # False: it was at the channel before us, so it is never ours to remove.
    "alter table sync.sync_snapshot add column is_ours boolean default true",
    "alter table sync.sync_changelog add column occurred_at timestamp",
    "alter table sync.sync_runs add column skipped bigint default 0",
    "alter table sync.sync_runs add column merged bigint default 0",
    "alter table sync.sync_runs add column audiences bigint default 1",
    "alter table sync.sync_runs add column warehouse_seconds numeric(18, 3)",
    "alter table sync.sync_runs add column undoes text",
)


def _anew(table: str, columns: str, values: str) -> tuple[str, ...]:
    """Return what gives a table other columns; DuckDB changes no rows of a table it has altered."""
    return (
        f"create temporary table former as select * from sync.{table}",
        f"drop table sync.{table}",
        f"create table sync.{table} ({columns})",
        f"insert into sync.{table} select {values} from former",
        "drop table former",
    )


def _as_uuid(column: str) -> str:
    return (
        f"cast(case {column} when '' then '{IN_DOUBT}' when 'unlike' then '{UNLIKE}' "
        f"when 'merged' then '{UNLIKE}' else {column} end as uuid)"
    )


# Sixteen bytes for a fingerprint and numbers for what a run says of all its rows: a log's row is
# half as long, and written in half the time. Readers see it beside its run, in a view.
NARROWER = (
    *_anew(
        "sync_plan",
        """
        run_id text, sync text, audience text, key text, operation {operation}, reason text,
        is_owed boolean, person_id text, purpose text, permission {permission}, fingerprint uuid,
        previous_fingerprint uuid, marks {marks}, changed_fields text, match text,
        sent_match text, channel_id text, is_ours boolean, occurred_at timestamp, into_key text,
        into_id text
        """,
        f"""
        run_id, sync, audience, key, operation, reason, is_owed, person_id, purpose, permission,
        {_as_uuid("fingerprint")}, {_as_uuid("previous_fingerprint")}, marks, changed_fields,
        match, sent_match, channel_id, is_ours, occurred_at, into_key, into_id
        """,
    ),
    # What the marks stand for, and the run that sent the record; null: it was adopted.
    *_anew(
        "sync_snapshot",
        """
        sync text, audience text, key text, person_id text, purpose text, channel_id text,
        match text, fingerprint uuid, marks {marks}, fields_mark integer, run_number bigint,
        sent_at timestamp, is_ours boolean
        """,
        f"""
        sync, audience, key, person_id, purpose, channel_id, match, {_as_uuid("fingerprint")},
        marks, case when field_names = '(at the channel)' then 0 end,
        (select run_number from sync.sync_runs as runs where runs.run_id = former.run_id),
        sent_at, is_ours
        """,
    ),
    *_anew(
        "sync_rejected",
        """
        sync text, audience text, key text, operation text, fingerprint uuid, code text,
        reason text, is_permanent boolean, attempts bigint, run_id text, rejected_at timestamp
        """,
        f"""
        sync, audience, key, operation, {_as_uuid("fingerprint")}, code, reason, is_permanent,
        attempts, run_id, rejected_at
        """,
    ),
    """
    create table sync.sync_deliveries (
        run_number bigint, audience text, key text, person_id text, purpose text,
        permission {permission}, operation {operation}, changed_fields text, fingerprint uuid,
        status {fate}, code text, reason text, channel_id text, occurred_at timestamp
    )
    """,
    """
    insert into sync.sync_deliveries select runs.run_number, log.audience, log.key, log.person_id,
        log.purpose, log.permission, log.operation, log.changed_fields,
        cast(case log.fingerprint when '' then null else log.fingerprint end as uuid), log.status,
        log.code, log.reason, log.channel_id, log.occurred_at
    from sync.sync_changelog as log inner join sync.sync_runs as runs on runs.run_id = log.run_id
    """,
    "drop table sync.sync_changelog",
    # The instant that data was judged by when a run ended: a replay of days counts days.
    "alter table sync.sync_runs add column as_of timestamp",
    """
    create view sync.sync_changelog as
    select runs.run_id, runs.sync, runs.destination, log.audience, log.key, log.person_id,
        log.purpose, log.permission, log.operation, log.changed_fields, log.fingerprint,
        log.status, log.code, log.reason, log.channel_id, runs.finished_at as recorded_at,
        coalesce(runs.as_of, runs.finished_at) as as_of, log.occurred_at
    from sync.sync_deliveries as log
    inner join sync.sync_runs as runs on runs.run_number = log.run_number
    """,
)

# What is compared before fingerprints are; a record without it is compared by its fingerprint. And
# a log in which the usual, no audience and no complaint, is null, which is quicker to write.
QUICKER = (
    "alter table sync.sync_plan add column quick_hash {hash}",
    "alter table sync.sync_snapshot add column quick_hash {hash}",
    """
    create or replace view sync.sync_changelog as
    select runs.run_id, runs.sync, runs.destination, coalesce(log.audience, '') as audience,
        log.key, log.person_id, log.purpose, log.permission, log.operation, log.changed_fields,
        log.fingerprint, log.status, coalesce(log.code, '') as code,
        coalesce(log.reason, '') as reason, log.channel_id, runs.finished_at as recorded_at,
        coalesce(runs.as_of, runs.finished_at) as as_of, log.occurred_at
    from sync.sync_deliveries as log
    inner join sync.sync_runs as runs on runs.run_number = log.run_number
    """,
)

# Runs are numbered by a counter where several begin at once and none sees the other's number.
NUMBERED = ("{numbering}",)

# Statements that lead from each version to the next; append, never edit.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    FIRST_VERSION,
    OWNERSHIP_AND_TIMES,
    NARROWER,
    QUICKER,
    NUMBERED,
)


class LedgerError(SeamlineError):
    """The ledger was written by a newer version than this one."""


def prepare_ledger(warehouse: Warehouse) -> None:
    """Create the ledger's tables, or bring them up to this version."""
    if warehouse.dialect.name != "duckdb":
        warehouse.execute("create schema if not exists sync")
    warehouse.execute("create table if not exists sync.sync_schema (version bigint)")
    found = warehouse.rows("select max(version) from sync.sync_schema")[0][0] or 0
    if found > len(MIGRATIONS):
        raise LedgerError(
            f"The sync tables are of version {found}, this engine knows {len(MIGRATIONS)}; "
            "upgrade Seamline."
        )
    for number, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        with warehouse.transaction():
            for statement in statements:
                warehouse.execute(_stored(statement, warehouse.dialect))
            warehouse.execute(f"insert into sync.sync_schema values ({number})")


def forget_old_logs(warehouse: Warehouse, days: int | None, now: datetime) -> None:
    """Delete the logs of runs that began more than ``days`` before ``now``.

    What the channels hold and refuse is no log and stays, and so does each sync's newest run. A
    run that is forgotten cannot be undone any more.
    """
    if days is None:
        return
    oldest = literal((now - timedelta(days=days)).isoformat(sep=" "))
    old = (
        f"from sync.sync_runs where started_at < cast({oldest} as timestamp) "
        "and status <> 'sending' and run_number not in "
        "(select max(run_number) from sync.sync_runs group by sync)"
    )
    if warehouse.rows(f"select 1 {old} limit 1"):
        warehouse.execute(
            f"delete from sync.sync_deliveries where run_number in (select run_number {old})"
        )
        warehouse.execute(f"delete {old}")


def _stored(statement: str, dialect: Dialect) -> str:
    """Return the statement with the engine's own types for marks and texts."""
    is_quick = "table sync.sync_plan" in statement or "table sync.sync_snapshot" in statement
    if "create table" in statement:
        text = dialect.quick_text if is_quick else dialect.kept_text
        statement = statement.replace(" text", f" {text}")
    return statement.format(
        marks=dialect.marks_type,
        hash=dialect.hash_type,
        operation=dialect.one_of([*get_args(Operation), "hold"]),
        permission=dialect.one_of(PERMISSIONS),
        fate=dialect.one_of(get_args(Fate)),
        numbering=dialect.numbering,
    )
