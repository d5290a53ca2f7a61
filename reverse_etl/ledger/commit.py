"""The commit: what became of a run, written into the ledger in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from reverse_etl.channel.exchange import EXISTS
from reverse_etl.contract.project import Sync
from reverse_etl.delivery.outcome import Outcome
from reverse_etl.planning.diff import fields_mark
from reverse_etl.warehouse.dialect import IN_DOUBT, literal
from reverse_etl.warehouse.session import Warehouse

REJECTED = (
    "sync, audience, key, operation, fingerprint, code, reason, is_permanent, attempts, run_id, "
    "rejected_at"
)


@dataclass(frozen=True)
class Tally:
    """A run in numbers, by operation, by fate and by the channel's reasons."""

    operations: dict[str, int]
    fates: dict[str, int]
    rejections: tuple[tuple[str, int], ...]
    open_rejections: int = 0


@dataclass(frozen=True)
class Commit:
    """One run's verdicts on their way into the ledger.

    ``labels`` are what the audiences are called at the channel. ``is_whole`` is false for a run
    that looked at one key only: it knows nothing of the others.
    """

    sync: Sync
    run_id: str
    outcome: Outcome
    warehouse: Warehouse
    now: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True

    def write(self) -> Tally:
        """Write changelog, snapshot, rejections and audiences; the plan's sent rows go."""
        self._load_endings()
        tally = self._tally()
        if tally.operations:
            self._changelog()
            self._snapshot()
        if tally.operations or self._open_rejections():
            self._rejected()
        self._audiences()
        self.warehouse.execute(
            f"delete from sync.sync_plan where {self._mine} and operation <> 'hold'"
        )
        return replace(tally, open_rejections=self._open_rejections())

    def _open_rejections(self) -> int:
        query = f"select count(*) from sync.sync_rejected where {self._this}"
        return int(self.warehouse.rows(query)[0][0])

    @property
    def _mine(self) -> str:
        return f"run_id = {literal(self.run_id)}"

    @cached_property
    def _run_number(self) -> int:
        query = f"select run_number from sync.sync_runs where {self._mine}"
        return int(self.warehouse.rows(query)[0][0])

    @property
    def _this(self) -> str:
        return f"sync = {literal(self.sync.name)}"

    @property
    def _now(self) -> str:
        return f"cast({literal(self.now.isoformat(sep=' '))} as timestamp)"

    @property
    def _delivered(self) -> str:
        """Every row that was spooled, with its fate; ``otherwise`` where it has no ending."""
        otherwise, code, reason = map(
            literal, (self.outcome.otherwise, self.outcome.code, self.outcome.reason)
        )
        is_uncertain = literal(self.outcome.otherwise == "uncertain")
        if not self.outcome.endings:
            return (
                f"(select plan.*, {otherwise} as fate, {code} as code, {reason} as verdict, "
                f"false as is_permanent, {is_uncertain} as is_uncertain, "
                "plan.channel_id as known_as "
                "from sync.sync_plan as plan "
                f"where plan.{self._mine} and plan.operation <> 'hold') as delivered"
            )
        return (
            f"(select plan.*, coalesce(endings.fate, {otherwise}) as fate, "
            f"coalesce(endings.code, {code}) as code, "
            f"coalesce(endings.reason, {reason}) as verdict, "
            "coalesce(endings.is_permanent, false) as is_permanent, coalesce(endings.fate = "
            "'uncertain' or (endings.fate = 'rejected' and endings.is_in_doubt), "
            f"{is_uncertain}) as is_uncertain, "
            "coalesce(endings.channel_id, plan.channel_id) as known_as from sync.sync_plan as plan "
            "left join endings on endings.audience = plan.audience and endings.key = plan.key "
            f"where plan.{self._mine} and plan.operation <> 'hold') as delivered"
        )

    def _load_endings(self) -> None:
        endings = self.outcome.endings
        if not endings:
            return
        import pyarrow as pa  # noqa: PLC0415 - most runs have nothing to load

        content = pa.table(
            {
                "audience": pa.array([e.record[0] for e in endings], pa.string()),
                "key": pa.array([e.record[1] for e in endings], pa.string()),
                "fate": pa.array([e.fate for e in endings], pa.string()),
                "code": pa.array([e.code for e in endings], pa.string()),
                "reason": pa.array([e.reason for e in endings], pa.string()),
                "is_permanent": pa.array([e.is_permanent for e in endings], pa.bool_()),
                "channel_id": pa.array([e.channel_id for e in endings], pa.string()),
                "is_in_doubt": pa.array([e.is_in_doubt for e in endings], pa.bool_()),
            }
        )
        self.warehouse.load("endings", content)

    def _tally(self) -> Tally:
        operations: Counter[str] = Counter()
        fates: Counter[str] = Counter()
        for operation, fate, count in self.warehouse.rows(
            f"select operation, fate, count(*) from {self._delivered} group by 1, 2"
        ):
            operations[operation] += count
            fates[fate] += count
        rejections = self.warehouse.rows(
            f"select code || ': ' || verdict, count(*) from {self._delivered} "
            "where fate = 'rejected' group by 1 order by 2 desc, 1 limit 20"
        )
        return Tally(dict(operations), dict(fates), tuple((r, n) for r, n in rejections))

    def _changelog(self) -> None:
        """What never left changed nothing and is not logged."""
        self.warehouse.execute(
            f"insert into sync.sync_deliveries select {self._run_number}, nullif(audience, ''), "
            "key, person_id, purpose, permission, operation, changed_fields, fingerprint, fate, "
            "nullif(code, ''), nullif(verdict, ''), known_as, occurred_at "
            f"from {self._delivered} where fate <> 'pending'"
        )

    def _snapshot(self) -> None:
        """Acknowledged rows as sent; uncertain ones without fingerprint, so never forgotten.

        A record that was skipped because it exists is known from now on, and not ours.
        """
        delete = f"delete from sync.sync_snapshot where {self._this} and (audience, key) in"
        self.warehouse.execute(
            f"{delete} (select audience, key from {self._delivered} "
            "where fate in ('acknowledged', 'skipped') "
            "and (previous_fingerprint is not null or operation in ('remove', 'merge')))"
        )
        insert = (
            "insert into sync.sync_snapshot (sync, audience, key, person_id, purpose, channel_id, "
            "match, fingerprint, quick_hash, marks, fields_mark, run_number, sent_at, is_ours) "
            "select sync, audience, key, person_id, purpose, known_as, match, {fingerprint}, "
            f"marks, {fields_mark(self.sync.fields)}, {self._run_number}, {self._now}, "
            f"{{is_ours}} from {self._delivered} "
        )
        self.warehouse.execute(
            insert.format(
                fingerprint="fingerprint, quick_hash",
                is_ours="is_ours and (fate = 'acknowledged' or previous_fingerprint is not null)",
            )
            + "where operation not in ('remove', 'merge') and (fate = 'acknowledged' "
            f"or (fate = 'skipped' and code = {literal(EXISTS)}))"
        )
        if self.sync.object.merges:
            self._name_merged()
        if self.outcome.has_doubts:
            self.warehouse.execute(
                f"update sync.sync_snapshot set fingerprint = {literal(IN_DOUBT)}, "
                "quick_hash = null "
                f"where {self._this} and "
                f"(audience, key) in (select audience, key from {self._delivered} "
                "where is_uncertain)"
            )
            self.warehouse.execute(
                insert.format(
                    fingerprint=f"cast({literal(IN_DOUBT)} as uuid), null", is_ours="is_ours"
                )
                + "where is_uncertain and operation = 'add' and previous_fingerprint is null"
            )

    def _name_merged(self) -> None:
        """A merged record may have a new id at the channel."""
        self.warehouse.execute(
            "update sync.sync_snapshot set channel_id = merged.known_as from (select audience, "
            f"into_key, max(known_as) as known_as from {self._delivered} where fate = "
            "'acknowledged' and operation = 'merge' group by 1, 2) as merged "
            f"where {self._this} and sync_snapshot.audience = merged.audience "
            "and sync_snapshot.key = merged.into_key"
        )

    def _rejected(self) -> None:
        """Rejections stay while somebody still wants the record to be sent as it was."""
        refused = "sync.sync_rejected"
        self.warehouse.execute(
            "create temporary table rejections as select delivered.sync, delivered.audience, "
            "delivered.key, delivered.operation, delivered.fingerprint, delivered.code, "
            "delivered.verdict as reason, delivered.is_permanent, 1 + case when "
            "refused.fingerprint is not distinct from delivered.fingerprint "
            "and refused.operation = delivered.operation then refused.attempts else 0 end "
            f"as attempts, delivered.run_id, {self._now} as rejected_at from {self._delivered} "
            f"left join {refused} as refused on refused.sync = delivered.sync "
            "and refused.audience = delivered.audience and refused.key = delivered.key "
            "where fate = 'rejected'"
        )
        self.warehouse.execute(
            f"delete from {refused} where {self._this} and (audience, key) in (select audience, "
            f"key from {self._delivered} where fate in ('acknowledged', 'rejected', 'skipped'))"
        )
        if self.is_whole:
            self.warehouse.execute(
                f"delete from {refused} where {self._this} and not exists (select 1 from "
                f"sync.sync_plan as plan where plan.{self._mine} "
                "and plan.audience = sync_rejected.audience and plan.key = sync_rejected.key)"
            )
        self.warehouse.execute(
            f"insert into {refused} ({REJECTED}) select {REJECTED} from rejections"
        )
        self.warehouse.execute("drop table rejections")

    def _audiences(self) -> None:
        known = {
            row[0]
            for row in self.warehouse.rows(
                f"select audience from sync.sync_audiences where {self._this}"
            )
        }
        for audience, channel_id in self.outcome.audiences.items():
            if audience not in known:
                self.warehouse.execute(
                    f"insert into sync.sync_audiences values ({literal(self.sync.name)}, "
                    f"{literal(audience)}, {literal(self.labels.get(audience, audience))}, "
                    f"{literal(channel_id)}, {self._now})"
                )
