"""One file of SQL as dbt would compile it as a model of the project, without adding it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from orchestration.parsing import DBT, project_variables, settle_environment
from reverse_etl.contract.profile import read_profile
from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory, project_directory


def compiled(path: Path) -> str:
    """Return what the warehouse would read.

    Raises:
        SeamlineError: dbt cannot compile it.
    """
    settle_environment()
    folder = str(project_directory())
    command = [str(DBT), "--quiet", "compile", "--inline", path.read_text(), "--output", "json"]
    command += ["--project-dir", folder, "--profiles-dir", folder]
    # dbt writes a manifest whatever it does: not over that of the project.
    command += ["--target-path", str(home_directory() / "target" / "draft")]
    command += ["--target", read_profile().target, *project_variables()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SeamlineError(f"{path}: dbt cannot compile it:\n{done.stdout}{done.stderr}")
    return str(json.loads(done.stdout[done.stdout.index("{") :])["compiled"])
