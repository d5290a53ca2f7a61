"""Reading back: what a channel lists, beside what the ledger knows and what the warehouse wants."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from reverse_etl.channel.destination import Lister, ReadableStore
from reverse_etl.contract.project import Project, Sync
from reverse_etl.delivery.http import Patience
from reverse_etl.errors import SeamlineError
from reverse_etl.ledger.runs import unfinished_runs
from reverse_etl.planning.candidates import Candidates
from reverse_etl.planning.foreign import comparable
from reverse_etl.planning.plan import clock
from reverse_etl.readback.listing import audiences, listed, load_listed, must_list
from reverse_etl.sync import ledger
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.lock import sync_lock
from reverse_etl.warehouse.session import Warehouse


@contextmanager
def reading(project: Project, name: str, patience: Patience | None = None) -> Iterator[Reading]:
    """Ask the channel what it holds of a sync, and open the ledger to learn from the answer.

    What the context writes is written as a whole or not at all.

    Raises:
        SeamlineError: the channel cannot be read, or an earlier run is not finished.
    """
    sync = project.sync(name)
    must_list(sync)
    with sync_lock(project.profile, project.home, name):
        with ledger(project) as warehouse:
            if unfinished_runs(sync, warehouse):
                raise SeamlineError(
                    f"A run of sync '{name}' was cut short; finish it first: "
                    f"seamline sync --select {name}."
                )
            types = warehouse.columns(sync.relation)
            lists = audiences(sync, warehouse, "audience" in types) if sync.is_audience else []
        with (
            listed(project, sync, lists, patience or Patience()) as path,
            ledger(project) as warehouse,
            warehouse.transaction(),
        ):
            count = load_listed(path, warehouse)
            types = warehouse.columns(sync.relation)
            rows = Candidates(sync, warehouse.dialect, types, False, with_content=True)
            yield Reading(sync, warehouse, rows, count)


@dataclass(frozen=True)
class Reading:
    """What was listed, as the temporary table ``listed`` of ``count`` rows."""

    sync: Sync
    warehouse: Warehouse
    rows: Candidates
    count: int

    @property
    def this(self) -> str:
        """The condition on the ledger's rows of this sync."""
        return f"sync = {literal(self.sync.name)}"

    @property
    def now(self) -> str:
        """The present instant as an expression."""
        return f"cast({literal(clock().isoformat(sep=' '))} as timestamp)"

    def pair_with_rows(self) -> None:
        """Make ``paired``: rows of the relation with the listed record that stands for each."""
        self._pair("paired", f"({self.rows.query()})", has_ids=False)

    def pair_with_snapshot(self) -> None:
        """Make ``known``: what the snapshot holds, with the listed record that stands for it."""
        self._pair("known", f"(select * from sync.sync_snapshot where {self.this})", has_ids=True)

    def _pair(self, table: str, side: str, has_ids: bool) -> None:
        """Pair a side with what is listed: by the channel's id, our key, then each match key."""
        dialect = self.warehouse.dialect
        conditions = ["side.channel_id = listed.channel_id"] if has_ids else []
        conditions += ["side.key = listed.key"]
        conditions += [
            f"{comparable(dialect, 'side.match', column)} = listed.match_{place}"
            for place, column in enumerate(self.sync.match)
        ]
        self.warehouse.execute(
            f"create temporary table {table} (audience text, key text, position bigint)"
        )
        for condition in conditions:
            self.warehouse.execute(
                f"insert into {table} select audience, min(key), position from (select "
                "side.audience, side.key, min(listed.position) as position "
                f"from {side} as side inner join listed on listed.audience = side.audience "
                f"and {condition} where side.key is not null group by 1, 2) as found "
                f"where not exists (select 1 from {table} as earlier "
                "where earlier.position = found.position) "
                f"and not exists (select 1 from {table} as earlier "
                "where earlier.audience = found.audience and earlier.key = found.key) "
                "group by audience, position"
            )

    def differences(self, ignored: Collection[str] = ()) -> Iterator[tuple[str, str, list[str]]]:
        """Yield audience, key and fields of pairs that are not as we would write them."""
        channel = self.sync.channel
        assert isinstance(channel, Lister | ReadableStore)
        if not self.rows.types:
            return
        query = (
            "select paired.audience, paired.key, listed.fields as theirs, "
            f"{self.warehouse.dialect.json_object(self.rows.fields)} as ours from paired "
            "inner join listed on listed.position = paired.position "
            f"{self.rows.join('paired', 'paired.key', kind='inner')}"
        )
        for batch in self.warehouse.stream(query):
            for audience, key, theirs, ours in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                found = orjson.loads(theirs)
                names = [
                    name
                    for name, value in orjson.loads(ours).items()
                    if name not in ignored and not channel.holds(name, value, found.get(name))
                ]
                if names:
                    yield audience, key, names

    def load_keys(self, table: str, keys: Collection[tuple[str, str]]) -> None:
        """Make a temporary table of audiences and keys."""
        import pyarrow as pa  # noqa: PLC0415 - only who reads back pays for it

        columns = {"audience": [audience for audience, _ in keys], "key": [key for _, key in keys]}
        arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        self.warehouse.load(table, pa.table(arrays))

    def number(self, query: str) -> int:
        """Return the number that a query gives."""
        return int(self.warehouse.rows(query)[0][0])
