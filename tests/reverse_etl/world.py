"""A small world to sync from: a real warehouse, and a manifest as dbt would write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import ChannelObject, Limits, Setting
from reverse_etl.channel.exchange import (
    Conversation,
    Preparation,
    Refused,
    Request,
    Verdict,
)
from reverse_etl.contract.project import Project
from reverse_etl.delivery.http import Patience
from reverse_etl.sync import SyncResult, plan_sync, run_sync

AS_OF = datetime(2026, 11, 1)
QUICK = Patience(attempts=3, seconds=5.0, first_wait=0.02, longest_wait=0.1, read_timeout=1.0)

PURPOSES = """
purposes:
  newsletter: {description: Letters., subject: person, legal_basis: consent, channel: email,
    marketing: true, withdrawal: {upsert: stop, mirror: remove, audience: remove, append: stop}}
  ads: {description: Ads., subject: person, legal_basis: consent, channel: ads,
    marketing: true, withdrawal: {upsert: stop, mirror: remove, audience: remove, append: stop}}
  service: {description: Service., subject: person, legal_basis: legitimate_interest,
    channel: none, marketing: false,
    withdrawal: {upsert: stop, mirror: remove, audience: remove, append: stop}}
  orders: {description: Orders., subject: person, legal_basis: contract, channel: none,
    marketing: false, withdrawal: {upsert: stop, mirror: stop, audience: stop, append: stop}}
  deals: {description: Deals., subject: deal, legal_basis: legitimate_interest, channel: none,
    marketing: false, withdrawal: {upsert: stop, mirror: remove, audience: remove, append: stop}}
"""

PROFILES = """
seamline:
  target: "{{ env_var('SEAMLINE_TARGET', 'demo') }}"
  outputs:
    demo: {type: duckdb, path: "{{ env_var('SEAMLINE_DUCKDB_PATH') }}"}
    production: {type: duckdb, path: "{{ env_var('SEAMLINE_DUCKDB_PATH') }}"}
"""

POSTGRES_PROFILES = """
seamline:
  target: "{{ env_var('SEAMLINE_TARGET') }}"
  outputs:
    postgres: {type: postgres, host: 127.0.0.1, port: "{{ env_var('SEAMLINE_PG_PORT') }}",
      user: "{{ env_var('SEAMLINE_PG_USER') }}", dbname: "{{ env_var('SEAMLINE_PG_DATABASE') }}"}
"""

CONTACT_COLUMNS = {"person_id": "string", "email": "string", "name": "string", "score": "bigint"}
MEMBER_COLUMNS = {
    "person_id": "string",
    "audience": "string",
    "audience_label": "string",
    "purpose": "string",
    "email": "string",
    "city": "string",
}


class Channel:
    """The webhook's wire form in a few lines, audiences included."""

    slug = "tester"
    label = "Tester"
    base_url = "https://tester.example.com"
    settings: tuple[Setting, ...] = (Setting("TOKEN", "the token", secret=True),)

    def __init__(self, **limits: float) -> None:
        chosen = {"rows": 10, "bytes": 1_000_000, "requests_per_second": 0, "concurrency": 4}
        self.objects = (
            ChannelObject(
                "things",
                modes=("upsert", "mirror", "audience", "append"),
                limits=Limits(**(chosen | limits)),  # type: ignore[arg-type]
                match=("email",),
            ),
        )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {settings['TOKEN']}"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        response = yield Request("POST", "", json={"list": label, "records": []})
        if not response.ok:
            raise Refused(str(response.status), "no list")
        return f"list-{audience}"

    def converse(self, batch: Batch) -> Conversation:
        audience = f"{batch.audience.name}/" if batch.audience else ""
        operation = {"add": "upsert", "change": "upsert"}.get(batch.operation, batch.operation)
        response = yield Request(
            "POST",
            "",
            json={
                "records": [
                    {
                        "operation": operation,
                        "planned": batch.operation,
                        "key": audience + record.key,
                        "fields": record.fields,
                        "sent_match": record.sent_match,
                    }
                    for record in batch.records
                ]
            },
            headers={"Idempotency-Key": batch.batch_id},
        )
        if response.status == 207:
            return [
                Verdict(record.key, "acknowledged")
                if item["status"] < 300
                else Verdict(record.key, "rejected", str(item["status"]), item["message"])
                for record, item in zip(batch.records, response.json()["results"], strict=True)
            ]
        if not response.ok:
            raise Refused(str(response.status), str(response.json()))
        return [Verdict(record.key, "acknowledged") for record in batch.records]


@dataclass
class World:
    """A project in ``folder``; change its warehouse with ``sql``, its syncs with ``declare``."""

    folder: Path
    channel: Any = field(default_factory=Channel)
    exposures: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SEAMLINE_HOME": str(self.home),
            "SEAMLINE_DUCKDB_PATH": str(self.warehouse),
            "SEAMLINE_PROJECT_DIR": str(self.folder / "dbt_project"),
            "SEAMLINE_MANIFEST": str(self.folder / "manifest.json"),
            "SEAMLINE_TARGET": "demo",
            "SEAMLINE_AS_OF": AS_OF.isoformat(),
        }

    def create(self) -> None:
        directory = self.folder / "dbt_project"
        directory.mkdir(parents=True)
        (directory / "purposes.yml").write_text(PURPOSES)
        (directory / "profiles.yml").write_text(PROFILES)
        (directory / "dbt_project.yml").write_text("name: world\nvars: {live_targets: []}\n")
        self.sql(
            *(f"create schema {name}" for name in ("marts", "activation", "ops", "raw_shop")),
            "create table marts.current_consents (person_id text, purpose text, channel text, "
            "state text, legal_basis text, source_name text, occurred_at timestamp)",
            "create table marts.suppressions (suppression_id text, person_id text, "
            "identifier_type text, identifier_hash text, channel text, reason text, "
            "source_name text, suppressed_at timestamp)",
            "create table ops.dbt_results (unique_id text, resource_type text, name text, "
            "status text, failures bigint, message text, invocation_id text, "
            "executed_at timestamp)",
            "create table raw_shop.customer (id text, _loaded_at timestamp)",
            "insert into raw_shop.customer values ('1', timestamp '2026-10-31 20:00:00')",
        )

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in the warehouse and return the last one's rows."""
        rows: list[tuple[Any, ...]] = []
        with duckdb.connect(str(self.warehouse)) as connection:
            for statement in statements:
                rows = connection.execute(statement).fetchall()
        return rows

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        """Query the ledger's own file."""
        with duckdb.connect(str(self.home / "sync.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def declare(
        self,
        name: str = "contacts",
        mode: str = "upsert",
        columns: Mapping[str, str] | None = None,
        **sync: Any,
    ) -> None:
        """Declare a sync of ``activation.sync_<name>`` and mark everything as built and passed."""
        model, test = f"model.world.sync_{name}", f"test.world.unique_sync_{name}"
        columns = columns or (MEMBER_COLUMNS if mode == "audience" else CONTACT_COLUMNS)
        source = "source.world.shop.customer"
        self.sources[source] = {
            "schema": "raw_shop",
            "identifier": "customer",
            "name": "customer",
            "source_name": "shop",
            "loaded_at_field": None,
        }
        people = "model.world.people"
        self.nodes[people] = self._model("people", "marts", [source])
        self.nodes[model] = self._model(f"sync_{name}", "activation", [people])
        self.nodes[model]["columns"] = {
            column: {"name": column, "data_type": kind} for column, kind in columns.items()
        }
        self.nodes[test] = {
            "resource_type": "test",
            "name": f"unique_sync_{name}",
            "schema": "tests",
            "attached_node": model,
            "depends_on": {"nodes": [model]},
            "config": {},
        }
        declared = {
            "destination": "tester",
            "object": "things",
            "mode": mode,
            "key": ["person_id"],
            "match": ["email"],
            "purpose": "service",
        }
        declared = {key: value for key, value in (declared | sync).items() if value is not None}
        self.exposures[f"exposure.world.{name}"] = {
            "name": name,
            "label": name.title(),
            "original_file_path": f"models/activation/sync_{name}.yml",
            "depends_on": {"nodes": [model]},
            "config": {"meta": {"sync": declared}},
        }
        self.write_manifest()
        for node in (people, model, test):
            self.result(node, "pass" if node == test else "success")

    def _model(self, name: str, schema: str, parents: Sequence[str]) -> dict[str, Any]:
        return {
            "resource_type": "model",
            "name": name,
            "schema": schema,
            "alias": name,
            "columns": {},
            "depends_on": {"nodes": list(parents)},
            "config": {"materialized": "table", "meta": {}},
        }

    def write_manifest(self) -> None:
        content = {"nodes": self.nodes, "sources": self.sources, "exposures": self.exposures}
        (self.folder / "manifest.json").write_text(json.dumps(content))

    def result(self, unique_id: str, status: str) -> None:
        """Record a dbt result, newer than all before it."""
        (newest,) = self.sql("select max(executed_at) from ops.dbt_results")[0]
        at = (newest or AS_OF - timedelta(hours=1)) + timedelta(seconds=1)
        name = unique_id.split(".")[2]
        self.sql(
            f"insert into ops.dbt_results values ('{unique_id}', '', '{name}', '{status}', 0, '', "
            f"'i', timestamp '{at}')"
        )

    def rows(self, relation: str, rows: Sequence[Sequence[Any]], types: str) -> None:
        """Rebuild a relation, as dbt does."""
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(f"drop table if exists {relation}")
            connection.execute(f"create table {relation} ({types})")
            if rows:
                marks = ", ".join("?" for _ in rows[0])
                connection.executemany(f"insert into {relation} values ({marks})", list(rows))

    def contacts(self, rows: Sequence[Sequence[Any]], name: str = "contacts") -> None:
        """Rebuild a contacts relation: person_id, email, name, score."""
        types = "person_id text, email text, name text, score bigint"
        self.rows(f"activation.sync_{name}", rows, types)

    def members(self, rows: Sequence[Sequence[Any]], name: str = "members") -> None:
        """Rebuild an audience relation: person_id, audience, purpose, email."""
        types = ", ".join(f"{column} text" for column in MEMBER_COLUMNS)
        full = [(p, a, a.title(), purpose, email, "Berlin") for p, a, purpose, email in rows]
        self.rows(f"activation.sync_{name}", full, types)

    def consent(self, *people: str, purpose: str = "newsletter", state: str = "granted") -> None:
        """Record current consent."""
        channel = {"newsletter": "email", "ads": "ads"}.get(purpose, "email")
        for person in people:
            self.sql(
                f"delete from marts.current_consents where person_id = '{person}' "
                f"and purpose = '{purpose}'",
                f"insert into marts.current_consents values ('{person}', '{purpose}', "
                f"'{channel}', '{state}', 'consent', 'test', timestamp '2026-10-01')",
            )

    def project(self) -> Project:
        return Project.load(destinations={"tester": self.channel})

    def plan(self, name: str = "contacts") -> Any:
        return plan_sync(self.project(), name)

    def run(self, name: str = "contacts", **options: Any) -> SyncResult:
        return run_sync(self.project(), name, patience=QUICK, **options)


@dataclass
class PostgresWorld(World):
    """The same world on a PostgreSQL server."""

    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.settings

    def create(self) -> None:
        super().create()
        (self.folder / "dbt_project" / "profiles.yml").write_text(POSTGRES_PROFILES)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        return self.sql("set search_path = sync", query)

    def rows(self, relation: str, rows: Sequence[Sequence[Any]], types: str) -> None:
        self.sql(f"drop table if exists {relation}", f"create table {relation} ({types})")
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            for row in rows:
                marks = ", ".join("%s" for _ in row)
                cursor.execute(f"insert into {relation} values ({marks})", row)

    def _connect(self) -> Any:
        import psycopg2  # noqa: PLC0415 - an extra

        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.settings["SEAMLINE_PG_PORT"],
            user=self.settings["SEAMLINE_PG_USER"],
            dbname=self.settings["SEAMLINE_PG_DATABASE"],
        )
        connection.autocommit = True
        return connection


def people(count: int, start: int = 0) -> list[tuple[str, str, str, int]]:
    """Return synthetic contacts."""
    return [
        (f"p{number}", f"person{number}@example.com", f"Person {number}", number)
        for number in range(start, start + count)
    ]
