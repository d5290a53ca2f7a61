"""Where things lie: the dbt project, and the state that a machine keeps of it."""

from __future__ import annotations

import os
from pathlib import Path


def project_directory() -> Path:
    """Folder that holds ``dbt_project.yml`` (``SEAMLINE_PROJECT_DIR``, else ``./dbt_project``)."""
    return Path(os.environ.get("SEAMLINE_PROJECT_DIR", "dbt_project")).resolve()


def home_directory() -> Path:
    """Folder of local state (``SEAMLINE_HOME``, else ``.seamline`` beside the dbt project)."""
    configured = os.environ.get("SEAMLINE_HOME")
    return Path(configured).resolve() if configured else project_directory().parent / ".seamline"


def project_file(path: str) -> str:
    """Name a file of the dbt project as one sees it beside the project's folder.

    dbt names files from inside its folder, people and their editors from the repository's.
    """
    return f"{project_directory().name}/{path.rpartition('://')[2]}"
