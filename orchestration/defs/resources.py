"""How Dagster runs dbt, and how it names what dbt builds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.parsing import DBT
from reverse_etl.profile import project_directory, read_profile


def database_pool() -> str | None:
    """Return the pool that keeps to one the steps that open the DuckDB file; none elsewhere."""
    return "duckdb" if read_profile().dialect == "duckdb" else None


def dbt_resource() -> DbtCliResource:
    """Return the way to run dbt on the configured target."""
    folder = str(project_directory())
    return DbtCliResource(
        project_dir=folder,
        profiles_dir=folder,
        target=read_profile().target,
        dbt_executable=str(DBT),
    )


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Return the asset key of a dbt node or source: its schema and its table."""
    table = node.get("identifier") or node.get("alias") or node["name"]
    return dg.AssetKey([node["schema"], table])
