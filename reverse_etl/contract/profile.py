"""Where the warehouse is: the dbt profile, read without importing dbt.

Credentials come from ``profiles.yml`` and nowhere else; its ``env_var()`` calls are rendered
exactly as dbt renders them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from reverse_etl.errors import SeamlineError
from reverse_etl.home import project_directory


class ProfileError(SeamlineError):
    """The dbt profile is missing, names an unknown target, or needs a variable that is not set."""


@dataclass(frozen=True)
class Profile:
    """One target of ``profiles.yml``.

    ``settings`` holds the target's keys as dbt would see them (``path`` on DuckDB; ``host``,
    ``port``, ``user``, ``password``, ``dbname`` on PostgreSQL).
    """

    target: str
    dialect: str
    settings: dict[str, Any]


def _env_var(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise ProfileError(f"profiles.yml needs the environment variable {name}; set it.")
    return value


def read_profile(project_dir: Path | None = None, target: str | None = None) -> Profile:
    """Return the profile of ``target`` (default: ``SEAMLINE_TARGET``, else the file's own default).

    Raises:
        ProfileError: the file, the target or a variable it needs is missing.
    """
    folder = project_dir or project_directory()
    path = folder / "profiles.yml"
    if not path.is_file():
        raise ProfileError(f"{path} does not exist; set SEAMLINE_PROJECT_DIR to the dbt project.")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters.update(as_number=int, as_bool=lambda text: text.lower() == "true")
    rendered = environment.from_string(path.read_text()).render(env_var=_env_var)
    profile = yaml.safe_load(rendered)["seamline"]
    name = target or profile["target"]
    if name not in profile["outputs"]:
        known = ", ".join(sorted(profile["outputs"]))
        raise ProfileError(f"{path}: target '{name}' does not exist; known targets: {known}.")
    settings = dict(profile["outputs"][name])
    dialect = str(settings.pop("type"))
    if dialect == "duckdb":
        # A relative path means: relative to the repository, wherever the command was typed.
        settings["path"] = str((folder.parent / settings["path"]).resolve())
    return Profile(target=name, dialect=dialect, settings=settings)
