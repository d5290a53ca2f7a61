"""How Dagster runs dbt, and how it names what dbt builds."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.metadata import CodeReferencesMetadataSet
from dagster_dbt import DbtCliResource
from packaging.version import Version

from reverse_etl.contract.profile import read_profile
from reverse_etl.home import project_directory


class LeanDbtCliResource(DbtCliResource):
    """Runs dbt without asking it twice what is known: seconds of every run.

    Dagster starts dbt for its version, which is that of the package beside us, and opens a
    connection of its own to the warehouse for row counts, which the landing and the syncs report.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        return None


def database_pool() -> str | None:
    """Return the pool that keeps to one the steps that open the DuckDB file; none elsewhere."""
    return "duckdb" if read_profile().dialect == "duckdb" else None


def dbt_resource() -> LeanDbtCliResource:
    """Return the way to run dbt on the configured target."""
    folder = str(project_directory())
    return LeanDbtCliResource(
        project_dir=folder,
        profiles_dir=folder,
        target=read_profile().target,
        dbt_executable=sys.executable,
        global_config_flags=["-m", "orchestration.dbt_events"],
    )


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Return the asset key of a dbt node or source: its schema and its table."""
    table = node.get("identifier") or node.get("alias") or node["name"]
    return dg.AssetKey([node["schema"], table])


def code_link(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata by which Dagster links to the file of a dbt node or exposure."""
    return _link((project_directory() / node["original_file_path"]).resolve())


@cache
def _link(path: Path) -> Mapping[str, Any]:
    with warnings.catch_warnings():
        # They have been beta for as long as they exist; dagster-dbt uses them itself.
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        reference = dg.LocalFileCodeReference(file_path=str(path), label=path.name)
        found = dg.CodeReferencesMetadataValue(code_references=[reference])
    return dict(CodeReferencesMetadataSet(code_references=found))
