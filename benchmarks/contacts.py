"""A warehouse of contacts and a project with one sync of them, as the engine finds them after dbt.

Twelve columns, about 240 bytes of JSON a row; one consent per contact, so that the planner has its
usual work to do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

TYPES = {
    "person_id": "varchar",
    "contact_id": "varchar",
    "email": "varchar",
    "first_name": "varchar",
    "last_name": "varchar",
    "city": "varchar",
    "country": "varchar",
    "is_member": "boolean",
    "order_count": "bigint",
    "lifetime_value": "decimal(18, 2)",
    "score": "double",
    "last_order_at": "timestamp",
    "updated_at": "timestamp",
}
SENT = tuple(TYPES)[1:]
SELECT = """
select
    'p' || i as person_id,
    'c' || i as contact_id,
    'contact.' || i || '@example.com' as email,
    ['Ada', 'Grace', 'Edsger', 'Barbara'][1 + i % 4] as first_name,
    'Surname ' || (i * 7919) % 10007 as last_name,
    ['Berlin', 'Lisbon', 'Osaka', 'Quito', 'Zagreb'][1 + i % 5] as city,
    ['DE', 'PT', 'JP', 'EC', 'HR'][1 + i % 5] as country,
    i % 3 = 0 as is_member,
    i % 17 as order_count,
    cast((i * 31) % 100000 / 100 as decimal(18, 2)) as lifetime_value,
    (i * 13 % 1000) / 1000 as score,
    timestamp '2025-01-01' + to_seconds(i * 37 % 50000000) as last_order_at,
    timestamp '2026-01-01' as updated_at
from range(1, {rows} + 1) as numbers(i)
"""
PURPOSES = """
purposes:
  service: {description: Service., subject: person, legal_basis: legitimate_interest,
    channel: none, marketing: false,
    withdrawal: {upsert: stop, mirror: remove, audience: remove, append: stop}}
"""
PROFILES = """
seamline:
  target: demo
  outputs:
    demo: {type: duckdb, path: "{{ env_var('SEAMLINE_DUCKDB_PATH') }}"}
"""


@dataclass(frozen=True)
class Contacts:
    """The project in ``folder``; its one sync is called ``contacts``."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    def environment(self, url: str) -> dict[str, str]:
        """Return what ``seamline`` needs to know to sync to ``url``."""
        return {
            "SEAMLINE_HOME": str(self.folder / "home"),
            "SEAMLINE_DUCKDB_PATH": str(self.warehouse),
            "SEAMLINE_PROJECT_DIR": str(self.folder / "dbt_project"),
            "SEAMLINE_MANIFEST": str(self.folder / "manifest.json"),
            "SEAMLINE_AS_OF": "2026-11-01T00:00:00",
            "WEBHOOK_URL": url,
        }

    def create(self, count: int, **limits: float) -> Contacts:
        """Build everything anew with so many contacts; nothing has been sent of them."""
        project = self.folder / "dbt_project"
        project.mkdir(parents=True)
        (project / "purposes.yml").write_text(PURPOSES)
        (project / "profiles.yml").write_text(PROFILES)
        (project / "dbt_project.yml").write_text("name: contacts\n")
        (self.folder / "manifest.json").write_text(json.dumps(_manifest(limits)))
        self.execute(
            "create schema activation",
            "create schema marts",
            "create schema ops",
            "create table activation.sync_contacts as " + SELECT.format(rows=count),
            "create table marts.current_consents as select person_id, 'service' as purpose, "
            "'email' as channel, 'granted' as state from activation.sync_contacts",
            "create table ops.dbt_results as select 'model.contacts.sync_contacts' as unique_id, "
            "'model' as resource_type, 'sync_contacts' as name, 'success' as status, "
            "'i' as invocation_id, "
            "timestamp '2026-10-31' as executed_at",
        )
        return self

    def change(self, day: int, one_in: int = 100, gone_one_in: int = 1000) -> None:
        """Change every ``one_in``-th contact; take every ``gone_one_in``-th away."""
        self.execute(
            f"update activation.sync_contacts set order_count = order_count + 1, "
            f"updated_at = updated_at + interval {day} day "
            f"where hash(contact_id || {day}) % {one_in} = 0",
            "delete from activation.sync_contacts "
            f"where hash({day} || contact_id) % {gone_one_in} = 0",
        )

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in the warehouse; return the rows of the last."""
        found: list[tuple[Any, ...]] = []
        with duckdb.connect(str(self.warehouse)) as connection:
            for statement in statements:
                found = connection.execute(statement).fetchall()
        return found


def _manifest(limits: dict[str, float]) -> dict[str, Any]:
    """Return as much of dbt's manifest as the engine reads."""
    model = "model.contacts.sync_contacts"
    return {
        "nodes": {
            model: {
                "resource_type": "model",
                "name": "sync_contacts",
                "schema": "activation",
                "alias": "sync_contacts",
                "columns": {
                    name: {"name": name, "data_type": kind} for name, kind in TYPES.items()
                },
                "depends_on": {"nodes": []},
                "config": {"materialized": "table", "meta": {}},
            }
        },
        "sources": {},
        "exposures": {
            "exposure.contacts.contacts": {
                "name": "contacts",
                "original_file_path": "models/activation/sync_contacts.yml",
                "depends_on": {"nodes": [model]},
                "config": {
                    "meta": {
                        "sync": {
                            "destination": "webhook",
                            "object": "records",
                            "mode": "mirror",
                            "key": ["contact_id"],
                            "purpose": "service",
                            "limits": {"requests_per_second": 0, **limits},
                        }
                    }
                },
            }
        },
    }
