"""Where things lie: the dbt project, the state that a machine keeps of it, and its tokens."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs


def project_directory() -> Path:
    """Folder that holds ``dbt_project.yml`` (``SEAMLINE_PROJECT_DIR``, else ``./dbt_project``)."""
    return Path(os.environ.get("SEAMLINE_PROJECT_DIR", "dbt_project")).resolve()


def home_directory() -> Path:
    """Folder of local state (``SEAMLINE_HOME``, else ``.seamline`` beside the dbt project)."""
    configured = os.environ.get("SEAMLINE_HOME")
    return Path(configured).resolve() if configured else project_directory().parent / ".seamline"


def token_directory(project: Path) -> Path:
    """Folder of a project's access tokens (``SEAMLINE_TOKENS``, else the user's own state folder).

    It lies outside the project, which is copied, committed and mounted. State and no cache: some
    vendors give a new refresh token with each access token, and take the old one back.

    Args:
        project: the folder that holds ``dbt_project.yml``; another project has other tokens.
    """
    if configured := os.environ.get("SEAMLINE_TOKENS"):
        return Path(configured).resolve()
    key = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]
    owner = f"{project.resolve().parent.name}-{key}"
    return platformdirs.user_state_path("seamline", appauthor=False) / "tokens" / owner


def project_file(path: str) -> str:
    """Name a file of the dbt project as one sees it beside the project's folder.

    dbt names files from inside its folder, people and their editors from the repository's.
    """
    return f"{project_directory().name}/{path.rpartition('://')[2]}"
