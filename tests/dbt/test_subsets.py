"""Nobody has all sources: every subset of them builds, and yields what it can."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ROOT, Workspace

REAL_DATA = Path(os.environ.get("SEAMLINE_REAL_DATA", ROOT.parent / "shared" / "data"))


def count(warehouse: Path, relation: str, condition: str = "true") -> int:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(f"select count(*) from {relation} where {condition}").fetchone()
        return int(found[0]) if found else 0


def build(workspace: Workspace, *sources: str) -> Path:
    workspace.build("--vars", json.dumps({"sources": sources}))
    return workspace.warehouse


def test_all_sources_build(built_warehouse: Path) -> None:
    for relation in ("people", "orders", "events", "contacts", "tickets", "suppressions"):
        assert count(built_warehouse, f"marts.{relation}"), relation


def test_web_and_shop_alone_build(landed: Workspace, tmp_path: Path) -> None:
    warehouse = build(landed.copy(tmp_path / "subset"), "web", "shop")
    for relation in ("people", "sessions", "orders", "carts"):
        assert count(warehouse, f"marts.{relation}"), relation
    assert count(warehouse, "marts.people", "not is_anonymous")
    assert count(warehouse, "marts.tickets") == 0
    assert count(warehouse, "marts.contacts") == 0
    assert count(warehouse, "segments.abandoned_cart")
    assert count(warehouse, "segments.open_deals_with_unresolved_tickets") == 0
    assert count(warehouse, "activation.sync_files_open_deals") == 0


def test_crm_and_desk_alone_build(landed: Workspace, tmp_path: Path) -> None:
    warehouse = build(landed.copy(tmp_path / "subset"), "crm", "desk")
    for relation in ("people", "contacts", "accounts", "deals", "tickets"):
        assert count(warehouse, f"marts.{relation}"), relation
    assert count(warehouse, "segments.open_deals_with_unresolved_tickets")
    assert count(warehouse, "activation.sync_files_open_deals")
    assert count(warehouse, "marts.orders") == 0
    assert count(warehouse, "segments.abandoned_cart") == 0


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"the real data sets are not in {REAL_DATA}")
def test_the_two_real_sources_alone_build(workspace: Workspace, tmp_path: Path) -> None:
    """A slice of each real file, landed as its users would land it."""
    slices = tmp_path / "slices"
    (slices / "retail").mkdir(parents=True)
    (slices / "clickstream").mkdir()
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from '{REAL_DATA}/uci_online_retail_2009_2010.parquet' limit 20000) "
            f"to '{slices}/retail/invoice_lines.parquet'"
        )
        connection.execute(
            f"copy (from '{REAL_DATA}/retentioneering_clickstream.csv' limit 5000) "
            f"to '{slices}/clickstream/events.csv'"
        )
    workspace.seamline("load", str(slices))
    warehouse = build(workspace, "retail", "clickstream")
    assert count(warehouse, "marts.orders", "person_id is not null")
    assert count(warehouse, "marts.orders", "person_id is null"), "a sale to nobody is still a sale"
    assert count(warehouse, "marts.returns", "amount_reporting > 0")
    assert count(warehouse, "marts.events") >= 4_000
    assert (
        count(warehouse, "marts.landing_counts", "landed <> accepted + quarantined + duplicates")
        == 0
    )
    assert count(warehouse, "segments.best_customers") == 0, "2009 is more than a year ago"
