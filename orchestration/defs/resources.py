"""How Dagster runs dbt, and how it names what dbt builds."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.metadata import CodeReferencesMetadataSet
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation
from packaging.version import Version

from orchestration.parsing import project_variables, warm_dbt
from reverse_etl.contract.profile import read_profile
from reverse_etl.home import project_directory


class WarmDbtResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Runs dbt with the project in memory: what dagster-dbt starts anew each time, once.

    What dbt says is turned into Dagster's events by dagster-dbt.
    """

    def build(
        self,
        selection: Sequence[str],
        manifest: Mapping[str, Any],
        translator: DagsterDbtTranslator,
        context: dg.AssetExecutionContext,
        target_path: Path,
    ) -> DbtCliInvocation:
        """Begin ``dbt build`` of ``selection``, its artifacts and its log into ``target_path``.

        Raises:
            SeamlineError: dbt cannot parse the project.
        """
        warm = warm_dbt()
        parsed = Path(os.environ["DBT_TARGET_PATH"]) / "partial_parse.msgpack"
        folder = str(project_directory())
        environment = os.environ | {
            "DBT_PROJECT_DIR": folder,
            "DBT_PROFILES_DIR": folder,
            "DBT_TARGET_PATH": str(target_path),
            "DBT_LOG_PATH": str(target_path),
            "DBT_PARTIAL_PARSE_FILE_PATH": str(parsed),
        }
        target = ["--target", read_profile().target]
        command = warm.run(["build", *target, *project_variables(), *selection], environment)
        return DbtCliInvocation(
            process=cast("subprocess.Popen[bytes]", command),
            manifest=manifest,
            dagster_dbt_translator=translator,
            project_dir=project_directory(),
            target_path=target_path,
            raise_on_error=False,
            cli_version=Version(version("dbt-core")),
            context=context,
        )


def database_pool() -> str | None:
    """Return the pool that keeps to one the steps that open the DuckDB file; none elsewhere."""
    return "duckdb" if read_profile().dialect == "duckdb" else None


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
