"""Dagster's event log on SQLite, written at the pace at which dbt tests.

Dagster's own opens a connection and builds a SQLAlchemy engine for every entry, thousands of times
a run: each waits for the disk, and none profits from the statements that the one before compiled.
Here an engine with one connection stays open per database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy.pool import QueuePool

_BUSY_TIMEOUT_SECONDS = 60
# The index of all runs, and the few runs that are written or looked at right now.
_OPEN_DATABASES = 8


class EventLogStorage(SqliteEventLogStorage):
    """Dagster's default storage, with the same files and the same tables."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = lru_cache(maxsize=_OPEN_DATABASES)(_engine)
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> EventLogStorage:
        """Return the storage that ``dagster.yaml`` describes."""
        return cls(inst_data=inst_data, **config_value)

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has this table; asked while an entry is being written."""
        index = self._engine(self.conn_string_for_shard(INDEX_SHARD_NAME))
        return bool(sqlalchemy.inspect(index).has_table(table_name))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock:
            engine = self._engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection


def _engine(url: str) -> sqlalchemy.Engine:
    """Return an engine that keeps its connection.

    A commit does not wait for the disk (the write-ahead log does when it is tidied away): a power
    cut loses the last moments of the log and breaks nothing.
    """
    engine = sqlalchemy.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1,
        connect_args={"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )

    @sqlalchemy.event.listens_for(engine, "connect")
    def _spare_the_disk(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("pragma synchronous = normal")

    return engine
