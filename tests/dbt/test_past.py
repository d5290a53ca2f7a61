"""The past, rebuilt beside the present: what was known at an instant, in schemas of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import Workspace
from tests.dbt.given import ask
from tests.extracts import read_rows

SEPTEMBER = datetime(2026, 9, 1)
# What is planned may lie ahead; and what landed badly is listed whenever it landed.
AHEAD = {("activities", "occurred_at"), ("tasks", "due_at"), ("quarantined_rows", "loaded_at")}


@dataclass(frozen=True)
class Rebuilt:
    """A warehouse in which the past was built, and what its tables held before."""

    workspace: Workspace
    before: dict[str, tuple[Any, ...]]


def contents(workspace: Workspace) -> dict[str, tuple[Any, ...]]:
    """Return the number of rows and a checksum of every table that is not of the past."""
    tables = ask(
        workspace,
        """
        select table_schema || '.' || table_name from information_schema.tables
        where table_type = 'BASE TABLE' and not ends_with(table_schema, '_september')
        """,
    )
    checked = "select count(*), bit_xor(hash(checked)) from {} as checked"
    return {table: ask(workspace, checked.format(table))[0] for (table,) in tables}


@pytest.fixture(scope="module")
def past(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Rebuilt:
    """Everything but the activation as of September, beside everything as of November."""
    workspace = built.copy(tmp_path_factory.mktemp("past"))
    before = contents(workspace)
    settings = json.dumps({"as_of": SEPTEMBER.isoformat(), "schema_suffix": "_september"})
    kinds = ("--resource-type", "model", "--resource-type", "seed")
    workspace.dbt("build", *kinds, "--exclude", "path:models/activation", "--vars", settings)
    return Rebuilt(workspace, before)


def test_nothing_of_today_is_touched(past: Rebuilt) -> None:
    """Nor is ops.dbt_results: a build of the past says nothing of what may be sent today."""
    assert len(past.before) > 200
    assert past.before["ops.dbt_results"][0] > 0
    assert contents(past.workspace) == past.before


def test_the_past_knows_what_had_arrived_by_then(past: Rebuilt) -> None:
    entities = {
        "campaigns": ("campaign_id", [("crm", "campaign"), ("email", "campaign")], "is_deleted"),
        "tasks": ("task_id", [("crm", "task")], "is_deleted"),
        "tickets": ("ticket_id", [("desk", "ticket")], "_fivetran_deleted"),
    }
    for mart, (key, extracts, deleted) in entities.items():
        known = {
            f"{source}-{row['id']}"
            for source, table in extracts
            for row in read_rows(source, table)
            if datetime.fromisoformat(row["_fivetran_synced"].rstrip("Z")) <= SEPTEMBER
            and row.get(deleted) != "true"
        }
        found = {k for (k,) in ask(past.workspace, f"select {key} from marts_september.{mart}")}
        today = {k for (k,) in ask(past.workspace, f"select {key} from marts.{mart}")}
        assert found == known, mart
        assert 0 < len(found) < len(today), mart


def test_no_mart_of_the_past_tells_of_what_came_later(past: Rebuilt) -> None:
    nodes = json.loads(past.workspace.manifest.read_text())["nodes"].values()
    marts = [n for n in nodes if n["resource_type"] == "model" and n["fqn"][1] == "marts"]
    assert len(marts) > 40
    times = [
        (mart["name"], name)
        for mart in marts
        for name, column in mart["columns"].items()
        if column["data_type"] == "timestamp" and name.endswith("_at")
    ]
    assert len(times) > 50
    for mart, name in set(times) - AHEAD:
        ((latest,),) = ask(past.workspace, f"select max({name}) from marts_september.{mart}")
        assert latest is None or latest <= SEPTEMBER, (mart, name)


def test_a_metric_of_the_past_is_that_of_its_instant(past: Rebuilt) -> None:
    last: dict[str, datetime] = {}
    for person, at in ask(
        past.workspace,
        "select person_id, ordered_at from marts_september.orders"
        " where person_id is not null and status = 'placed'",
    ):
        last[person] = max(at, last.get(person, at))
    scored = "select person_id, recency_days from marts_september.rfm_scores"
    found = dict(ask(past.workspace, scored))
    assert found == {person: (SEPTEMBER - at).days for person, at in last.items()}
    assert len(found) > 20
