"""The dbt project as Dagster sees it: where it lies, how it is run, and its manifest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource

from reverse_etl.errors import SeamlineError
from reverse_etl.profile import home_directory, project_directory, read_profile

# The virtual environment need not be activated: dbt lies beside the Python that runs us.
_DBT = Path(sys.executable).with_name("dbt")
_PARSED_SUFFIXES = {".sql", ".yml", ".csv", ".md"}


def target_directory() -> Path:
    """Folder of dbt's artifacts: in the home, so that two homes never share a manifest."""
    return home_directory() / "target"


def settle_environment() -> None:
    """Make every path absolute for the dbt processes that Dagster starts in the project folder.

    A relative DuckDB path would otherwise mean one file for dbt and another one for the engine.
    """
    profile = read_profile()
    if profile.dialect == "duckdb":
        path = Path(profile.settings["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        os.environ["SEAMLINE_DUCKDB_PATH"] = str(path)
    os.environ["SEAMLINE_HOME"] = str(home_directory())
    os.environ["DBT_TARGET_PATH"] = str(target_directory())
    os.environ["DBT_LOG_PATH"] = str(home_directory() / "logs")


def project_variables() -> list[str]:
    """Return dbt's ``--vars`` from ``SEAMLINE_DBT_VARS`` (JSON), by which sources are switched."""
    variables = os.environ.get("SEAMLINE_DBT_VARS", "")
    return ["--vars", variables] if variables else []


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
        dbt_executable=str(_DBT),
    )


def parsed_manifest() -> Mapping[str, Any]:
    """Return the project's manifest, parsing the project first where it changed since.

    Raises:
        SeamlineError: dbt cannot parse the project.
    """
    path = target_directory() / "manifest.json"
    stamp = target_directory() / "parsed_for.json"
    wanted = {"target": read_profile().target, "variables": project_variables()}
    is_fresh = (
        path.is_file()
        and stamp.is_file()
        and json.loads(stamp.read_text()) == wanted
        and path.stat().st_mtime >= _last_change()
    )
    if not is_fresh:
        _parse()
        stamp.write_text(json.dumps(wanted))
    manifest: Mapping[str, Any] = json.loads(path.read_text())
    return manifest


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Return the asset key of a dbt node or source: its schema and its table."""
    table = node.get("identifier") or node.get("alias") or node["name"]
    return dg.AssetKey([node["schema"], table])


def _last_change() -> float:
    """Return when a file that dbt reads was last changed."""
    project = project_directory()
    folders = [project / name for name in ("models", "macros", "tests")]
    files = [file for folder in folders for file in folder.rglob("*") if _is_parsed(file)]
    files += [file for file in project.glob("*.yml") if file.is_file()]
    files += (project.parent / "seeds" / "reference").glob("*.csv")
    return max(file.stat().st_mtime for file in files)


def _is_parsed(file: Path) -> bool:
    return file.suffix in _PARSED_SUFFIXES and file.is_file()


def _parse() -> None:
    folder = str(project_directory())
    command = [str(_DBT), "--quiet", "parse", "--project-dir", folder, "--profiles-dir", folder]
    command += ["--target", read_profile().target, *project_variables()]
    parsed = subprocess.run(command, capture_output=True, text=True, check=False)
    if parsed.returncode != 0:
        raise SeamlineError(f"dbt cannot parse {folder}:\n{parsed.stdout}{parsed.stderr}")
