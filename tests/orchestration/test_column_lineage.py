"""Column lineage: through selects, unions and models; what a segment's conditions read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.column_lineage import compute_lineage, published_lineage

CARTS = """
with touched as (select * from "db"."staging"."stg_shop__orders")
select
    touched.cart_id, touched.customer as person_id,
    case when touched.paid_at is null then 'open' else 'converted' end as status
from touched
union all
select till.cart_id, till.holder, 'converted' from db.staging.stg_pos__receipts as till
"""
OPEN_CARTS = """
with ranked as (
    select *, row_number() over (partition by person_id order by cart_id) as recency
    from db.marts.carts
)
select ranked.person_id, people.city
from ranked
inner join db.marts.people as people on ranked.person_id = people.person_id
where recency = 1 and status = 'open'
    and person_id not in (select person_id from db.marts.suppressions)
"""


def _model(schema: str, name: str, sql: str = "", *reads: str, **meta: Any) -> dict[str, Any]:
    columns = {} if sql else {word: {} for word in meta.pop("columns", [])}
    return {
        "resource_type": "model",
        "schema": schema,
        "alias": name,
        "name": name,
        "language": "sql" if sql else "python",
        "compiled": bool(sql),
        "compiled_code": sql,
        "columns": columns,
        "checksum": {"checksum": sql},
        "config": {"meta": meta},
        "depends_on": {"nodes": list(reads)},
    }


@pytest.fixture
def manifest() -> dict[str, Any]:
    orders = ["cart_id", "customer", "paid_at"]
    nodes = {
        "open_carts": _model(
            "segments",
            "open_carts",
            OPEN_CARTS,
            "carts",
            "people",
            "suppressions",
            segment={"x": 1},
        ),
        "carts": _model("marts", "carts", CARTS, "orders", "receipts"),
        "orders": _model("staging", "stg_shop__orders", columns=orders),
        "receipts": _model("staging", "stg_pos__receipts", columns=["cart_id", "holder"]),
        "people": _model("marts", "people", columns=["person_id", "city"]),
        "suppressions": _model("marts", "suppressions", columns=["person_id"]),
    }
    return {"nodes": nodes, "sources": {}, "metadata": {"adapter_type": "duckdb"}}


def test_a_column_is_followed_to_what_it_is_made_of(manifest: dict[str, Any]) -> None:
    made_of = compute_lineage(manifest).made_of["marts.carts"]
    assert made_of["person_id"] == [
        ("staging.stg_pos__receipts", "holder"),
        ("staging.stg_shop__orders", "customer"),
    ]
    assert made_of["status"] == [("staging.stg_shop__orders", "paid_at")]


def test_what_conditions_read_decides_the_segment(manifest: dict[str, Any]) -> None:
    decides = compute_lineage(manifest).decides
    found = {(table, column) for table, columns in decides.items() for column in columns}
    assert found == {
        ("marts.carts", "status"),
        ("marts.carts", "person_id"),
        ("marts.carts", "cart_id"),  # through the rank that a condition reads
        ("marts.people", "person_id"),
        ("marts.suppressions", "person_id"),
        ("staging.stg_shop__orders", "paid_at"),
        ("staging.stg_shop__orders", "customer"),
        ("staging.stg_shop__orders", "cart_id"),
        ("staging.stg_pos__receipts", "holder"),
        ("staging.stg_pos__receipts", "cart_id"),
    }
    assert decides["staging.stg_shop__orders"]["paid_at"] == ["open_carts"]


def test_evidence_that_no_condition_reads_decides_nothing(manifest: dict[str, Any]) -> None:
    assert "city" not in compute_lineage(manifest).decides["marts.people"]


def test_a_model_that_cannot_be_followed_is_named(manifest: dict[str, Any]) -> None:
    manifest["nodes"]["carts"]["compiled_code"] = "select from where"
    assert "marts.carts" in compute_lineage(manifest).unread


def test_it_is_computed_anew_only_when_a_model_changed(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "manifest.json"
    assert published_lineage(path).decides == {}
    path.write_text(json.dumps(manifest))
    first = published_lineage(path)
    kept = tmp_path / "column_lineage.json"
    written = kept.stat().st_mtime_ns
    assert published_lineage(path).decides == first.decides
    assert kept.stat().st_mtime_ns == written
    segment = manifest["nodes"]["open_carts"]
    segment["compiled_code"] = "select person_id from db.marts.people where city = 'Ulm'"
    segment["checksum"]["checksum"] = "other"
    path.write_text(json.dumps(manifest))
    assert published_lineage(path).decides == {"marts.people": {"city": ["open_carts"]}}
