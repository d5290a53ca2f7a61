"""dbt's manifest of the project as it stands, parsed anew only where a file changed since.

Free of Dagster, so that the parse can begin while Dagster is still being imported.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.warm_dbt import WarmDbt
from reverse_etl.contract.profile import read_profile
from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory, project_directory

# The virtual environment need not be activated: dbt lies beside the Python that runs us.
DBT = Path(sys.executable).with_name("dbt")
_PARSED_SUFFIXES = {".sql", ".yml", ".csv", ".md"}

_warm: tuple[tuple[str, ...], WarmDbt] | None = None


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
    # In the home, so that two homes never share a manifest.
    os.environ["DBT_TARGET_PATH"] = str(home_directory() / "target")
    os.environ["DBT_LOG_PATH"] = str(home_directory() / "logs")
    # Dagster asks dbt for JSON on the console; where dbt keeps a file, it is for people.
    os.environ.setdefault("DBT_LOG_FORMAT_FILE", "text")


def project_variables() -> list[str]:
    """Return dbt's ``--vars`` from ``SEAMLINE_DBT_VARS`` (JSON), by which sources are switched."""
    variables = os.environ.get("SEAMLINE_DBT_VARS", "")
    return ["--vars", variables] if variables else []


def parsed_manifest() -> Mapping[str, Any]:
    """Return the project's manifest, parsing the project first where it changed since.

    Raises:
        SeamlineError: dbt cannot parse the project.
    """
    settle_environment()
    path = _manifest_path()
    if not _is_current(path):
        warm_dbt()
    manifest: Mapping[str, Any] = json.loads(path.read_text())
    return manifest


def warm_dbt() -> WarmDbt:
    """Return this process's dbt, which has parsed the project as it stands.

    Raises:
        SeamlineError: dbt cannot parse the project.
    """
    global _warm  # noqa: PLW0603 - one per process is its point
    settle_environment()
    path = _manifest_path()
    folder = str(project_directory())
    arguments = ["--project-dir", folder, "--profiles-dir", folder]
    arguments += ["--target", read_profile().target, *project_variables()]
    wanted = (*arguments, str(path), str(_last_change()))
    is_current = _is_current(path)
    if _warm is not None:
        if _warm[0] == wanted and is_current and _warm[1].is_alive:
            return _warm[1]
        _warm[1].close()
    if is_current:
        # Somebody may be reading it.
        arguments.append("--no-write-json")
    dbt = WarmDbt(project_directory(), arguments)
    said = b"".join(dbt.parsing).decode()
    if dbt.parsing.returncode != 0:
        raise SeamlineError(f"dbt cannot parse {folder}:\n{_in_words(said)}")
    if not is_current:
        _stamp(path).write_text(json.dumps(_parsed_for()))
    _warm = (wanted, dbt)
    return dbt


def _manifest_path() -> Path:
    return Path(os.environ["DBT_TARGET_PATH"]) / "manifest.json"


def _stamp(manifest: Path) -> Path:
    return manifest.with_name("parsed_for.json")


def _parsed_for() -> dict[str, Any]:
    return {"target": read_profile().target, "variables": project_variables()}


def _is_current(manifest: Path) -> bool:
    stamp = _stamp(manifest)
    return (
        manifest.is_file()
        and stamp.is_file()
        and json.loads(stamp.read_text()) == _parsed_for()
        and manifest.stat().st_mtime >= _last_change()
    )


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


def _in_words(said: str) -> str:
    """Return what dbt said for a person: of its events the message, anything else as it is."""
    return "\n".join(
        json.loads(line)["info"]["msg"] if line.startswith('{"') else line
        for line in said.splitlines()
    )
