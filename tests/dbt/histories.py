"""A warehouse that holds nothing but identity: what happens day by day is told in Python.

Records are written where staging would leave them; everything above is the project's own models.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import psycopg2

from tests.conftest import Workspace

MODELS = (
    "path:models/intermediate/identity",
    "identities",
    "person_records",
    "identity_changes",
    "identity_person_map",
    "identity_refused",
)
SOURCE = "crm"
STAGED = (
    "source_name text, source_id text, loaded_at timestamp, is_deleted boolean, row_status text,"
)
IDENTIFIERS = (
    f"{STAGED} identifier_type text, identifier_value text, observed_at timestamp,"
    " arrived_at timestamp"
)
ATTRIBUTES = (
    f"{STAGED} attribute_name text, attribute_value text, observed_at timestamp,"
    " is_verified boolean"
)
DECISIONS = (
    "action text, left_type text, left_value text, right_type text, right_value text, note text"
)

Identifier = tuple[str, str]
Decision = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Record:
    """What one source record says: identifiers in the order ``(type, value)``, and a first name."""

    identifiers: Sequence[tuple[str, str | None]]
    first_name: str | None = None
    seen: str | None = None
    """When the source says it happened; the day it arrives, unless told."""
    source: str = SOURCE
    """Which source has it; one that the project knows by this name."""


@dataclass
class History:
    """Days that follow one another in one warehouse."""

    workspace: Workspace
    records: dict[str, tuple[str, Record]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    variables: dict[str, object] = field(default_factory=dict)
    postgres: str = ""
    """Connection string, where the warehouse is a PostgreSQL database."""

    def day(
        self,
        date: str,
        records: Mapping[str, Record] | None = None,
        *,
        gone: Sequence[str] = (),
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Let records arrive and vanish on a day, and resolve."""
        for name in gone:
            del self.records[name]
        for name, record in (records or {}).items():
            arrived = self.records[name][0] if name in self.records else date
            self.records[name] = (arrived, record)
        self.execute(*self._landed())
        workspace = Workspace(
            self.workspace.folder, {**self.workspace.settings, "SEAMLINE_AS_OF": f"{date}T12:00:00"}
        )
        variables = json.dumps({"sources": self._sources(), **self.variables})
        return workspace.dbt("run", "--vars", variables, "--select", *MODELS, check=check)

    def _sources(self) -> list[str]:
        return sorted({SOURCE, *(record.source for _, record in self.records.values())})

    def _landed(self) -> Iterator[str]:
        """Yield the statements that leave what staging and the seeds would."""
        decided = [(*decision, "told") for decision in self.decisions]
        yield from _table("reference.identity_decisions", DECISIONS, decided)
        for source in self._sources():
            records = {
                name: landed for name, landed in self.records.items() if landed[1].source == source
            }
            identifiers = [
                (source, name, date, False, "accepted", *identifier, record.seen or date, date)
                for name, (date, record) in records.items()
                for identifier in record.identifiers
            ]
            names = [
                (source, name, date, False, "accepted", "first_name", named, date, False)
                for name, (date, record) in records.items()
                if (named := record.first_name)
            ]
            yield from _table(f"staging.stg_{source}__identifiers", IDENTIFIERS, identifiers)
            yield from _table(f"staging.stg_{source}__attributes", ATTRIBUTES, names)

    def forget(self, folder: Path, date: str) -> History:
        """Resolve the same records as of a day in a warehouse that has no memory."""
        fresh = History(
            Workspace(folder, self.workspace.settings),
            dict(reversed(self.records.items())),
            list(self.decisions),
            self.variables,
        )
        folder.mkdir(parents=True, exist_ok=True)
        fresh.day(date)
        return fresh

    def execute(self, *statements: str) -> None:
        """Change the warehouse by hand."""
        if self.postgres:
            with psycopg2.connect(self.postgres) as connection, connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            return
        with duckdb.connect(str(self.workspace.warehouse)) as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """Ask the warehouse; a parameter is written as ``?``."""
        if self.postgres:
            with psycopg2.connect(self.postgres) as connection, connection.cursor() as cursor:
                cursor.execute(query.replace("%", "%%").replace("?", "%s"), parameters)
                return cursor.fetchall()
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(query, list(parameters)).fetchall()

    def people(self) -> dict[Identifier, str]:
        """Whose each identifier is."""
        found = self.rows(
            "select identifier_type, identifier_value, person_id from marts.identities"
        )
        return {(str(kind), str(value)): str(person) for kind, value, person in found}

    def changes(self) -> list[tuple[object, ...]]:
        """What became of every person: change, from, to, evidence."""
        return self.rows(
            "select change, person_id, from_person_id, to_person_id, evidence"
            " from marts.identity_changes order by recorded_at, person_id"
        )


def _table(table: str, columns: str, rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"create schema if not exists {table.split('.', maxsplit=1)[0]}"
    yield f"drop table if exists {table}"
    yield f"create table {table} ({columns})"
    if rows:
        yield f"insert into {table} values " + ", ".join(
            f"({', '.join(map(_literal, row))})" for row in rows
        )


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
