"""Every aggregate says which rows it is made of, and on the built warehouse they add up to it."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Workspace
from tests.dbt.given import drill_down

# Of the ledger of syncs, which `built` has none of: tests/reverse_etl/test_observability.py.
OF_SYNCS = ("delivery_latency", "sync_health")
# What is counted there is listed in the row itself, or is the record's own.
NO_AGGREGATES = {
    "accounts": "source_ids lists what source_count counts",
    "contacts": "source_ids lists what source_count counts",
    "identities": "one identifier, and by how many sources it is told",
    "identity_refused": "one refused identifier, and how many records carry it",
    "identity_review_queue": "one doubt; its people are listed",
    "quarantined_rows": "one row, and its number in the file",
    "tickets": "one ticket, and how often it was opened again",
    "touchpoints": "one visit, and of how many",
}


def models(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return the models that everybody may read, by name."""
    nodes = json.loads(workspace.manifest.read_text())["nodes"].values()
    return {
        node["name"]: node
        for node in nodes
        if node["resource_type"] == "model"
        and (node["fqn"][1] == "marts" or node["schema"] == "audiences")
    }


def documented(workspace: Workspace) -> set[str]:
    """Return the names of those that say which rows they are made of."""
    return {
        name for name, node in models(workspace).items() if "drill_down" in node["config"]["meta"]
    }


def test_an_aggregate_adds_up_to_its_documented_rows(built: Workspace) -> None:
    aggregates = documented(built) - set(OF_SYNCS)
    assert len(aggregates) > 15
    for mart in sorted(aggregates):
        aggregate, rows = drill_down(built, mart)
        assert aggregate, mart
        assert aggregate == rows, mart


def test_whatever_counts_drills_down(parsed: Workspace) -> None:
    """A mart that counts, or is of operations, has documented rows or is named above."""
    counting = {
        name
        for name, node in models(parsed).items()
        for column in node["columns"].values()
        if column["data_type"] in ("bigint", "double precision")
        and (
            column["name"].endswith("_count") or column["name"] == "figure" or "ops" in node["fqn"]
        )
    }
    assert {*OF_SYNCS, *NO_AGGREGATES} <= counting
    assert counting - set(NO_AGGREGATES) - documented(parsed) == set()


def test_every_sum_and_count_of_an_aggregate_drills_down(parsed: Workspace) -> None:
    """Rates, means and medians follow from these; a column of another sort is named here."""
    derived = {
        "delivered_count": "sent less bounced",
        "customer_count": "the first month's active_count",
        "step_number": "the key",
        "month_number": "the key",
        "new_customers": "conversions that are first orders",
        "mean_won_amount": "a mean",
        "mean_days_to_win": "a mean",
        "mean_days_to_lose": "a mean",
        "average_order_value": "a mean",
        "median_gap_days": "a median",
        "recency_days": "how long ago the last order is",
        "recency_score": "a quintile",
        "frequency_score": "a quintile",
        "monetary_score": "a quintile",
        "historic_margin": "a share of historic_value",
        "expected_order_value": "a prediction",
        "predicted_margin": "a prediction",
        "lead_score": "lead_scores has it",
        "velocity_per_day": "a rate",
        "budget_amount": "the campaign's own",
    }
    for name in documented(parsed):
        node = models(parsed)[name]
        added = {
            column["name"]
            for column in node["columns"].values()
            if column["data_type"] in ("bigint", "numeric(18,4)", "numeric(18,9)")
        }
        measures = set(node["config"]["meta"]["drill_down"]["measures"])
        assert added - set(derived) <= measures, name
