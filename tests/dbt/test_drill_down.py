"""Every aggregate says which rows it is made of, and on the built warehouse they add up to it."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Workspace
from tests.dbt.given import drill_down

AGGREGATES = (
    "account_totals",
    "campaign_results",
    "campaign_returns",
    "cohorts",
    "funnels",
    "households",
    "owner_performance",
    "pipeline",
    "service_performance",
)


@pytest.mark.parametrize("mart", AGGREGATES)
def test_an_aggregate_adds_up_to_its_documented_rows(built: Workspace, mart: str) -> None:
    aggregate, rows = drill_down(built, mart)
    assert aggregate
    assert aggregate == rows


def test_every_sum_and_count_of_an_aggregate_drills_down(parsed: Workspace) -> None:
    """Rates, means and medians follow from these; a column of another sort is named here."""
    nodes = json.loads(parsed.manifest.read_text())["nodes"]
    documented = {
        node["name"]: node for node in nodes.values() if "drill_down" in node["config"]["meta"]
    }
    assert set(documented) == set(AGGREGATES)
    derived = {
        "delivered_count": "sent less bounced",
        "customer_count": "the first month's active_count",
        "step_number": "the key",
        "month_number": "the key",
        "new_customers": "conversions that are first orders",
        "mean_won_amount": "a mean",
        "mean_days_to_win": "a mean",
        "mean_days_to_lose": "a mean",
        "velocity_per_day": "a rate",
        "budget_amount": "the campaign's own",
    }
    for name, node in documented.items():
        added = {
            column["name"]
            for column in node["columns"].values()
            if column["data_type"] in ("bigint", "numeric(18,4)", "numeric(18,9)")
        }
        assert added - set(derived) == set(node["config"]["meta"]["drill_down"]["measures"]), name
