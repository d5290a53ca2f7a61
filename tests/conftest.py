"""What tests share: a built warehouse, a sandbox, a PostgreSQL server. Each is made once.

Every test that writes works on a copy: `Workspace.copy` of the built warehouse takes milliseconds,
building it takes most of a minute.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestration.defs.publication import publish_manifest
from tests.postgres.server import PostgresServer, postgres_server

ROOT = Path(__file__).resolve().parent.parent
AS_OF = "2026-11-01T00:00:00"


@dataclass(frozen=True)
class Workspace:
    """A home of its own for one chain of commands: warehouse, dbt's target folder, logs."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def manifest(self) -> Path:
        return self.folder / "target" / "manifest.json"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a command work here; merge them over ``os.environ``."""
        return {
            "SEAMLINE_HOME": str(self.folder),
            "SEAMLINE_DUCKDB_PATH": str(self.warehouse),
            "SEAMLINE_MANIFEST": str(self.manifest),
            "SEAMLINE_PROJECT_DIR": str(ROOT / "dbt_project"),
            "SEAMLINE_TARGET": "demo",
            "SEAMLINE_AS_OF": AS_OF,
            "DBT_PROJECT_DIR": str(ROOT / "dbt_project"),
            "DBT_PROFILES_DIR": str(ROOT / "dbt_project"),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            **self.settings,
        }

    def dbt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run dbt here, in a process of its own, as users do.

        It is told of the warehouse by a name that is the same in every workspace: to dbt another
        path is another profile, and it would parse the whole project anew.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(Path(sys.executable).with_name("dbt")), *arguments]
        return self._run(command, check, self.folder, SEAMLINE_DUCKDB_PATH=self.warehouse.name)

    def seamline(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line here."""
        return self._run([sys.executable, "-m", "orchestration.cli", *arguments], check)

    def build(self, *arguments: str) -> None:
        """Build and test every model: activation is a second invocation, after its segments."""
        for choice in ("--exclude", "--select"):
            self.dbt("build", choice, "path:models/activation", *arguments)
            publish_manifest([self.manifest], self.folder / "manifest.json")

    def copy(self, folder: Path, **settings: str) -> Workspace:
        """Return a workspace in ``folder`` that starts from this one's state."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Workspace(folder, {**self.settings, **settings})

    def _run(
        self, command: list[str], check: bool, folder: Path = ROOT, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **self.environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(command)} ended {done.returncode}\n{done.stdout}{done.stderr}")
        return done


@contextmanager
def _only_once(folder: Path) -> Iterator[bool]:
    """Yield whether the caller is the one to fill ``folder``; parallel workers wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder.with_suffix(".done")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of one test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path)


@pytest.fixture
def dbt(workspace: Workspace) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run dbt in an empty workspace: ``dbt("parse")``."""
    return workspace.dbt


@pytest.fixture(scope="session")
def parsed(shared_folder: Path) -> Workspace:
    """A workspace in which the project is parsed and nothing is built."""
    workspace = Workspace(shared_folder / "parsed")
    with _only_once(workspace.folder) as first:
        if first:
            workspace.dbt("parse")
    return workspace


@pytest.fixture(scope="session")
def manifest(parsed: Workspace) -> dict[str, Any]:
    """The parsed project as dbt describes it."""
    content: dict[str, Any] = json.loads(parsed.manifest.read_text())
    return content


@pytest.fixture(scope="session")
def landed(shared_folder: Path) -> Workspace:
    """A workspace whose warehouse holds the landed seeds and nothing else. Copy before writing."""
    workspace = Workspace(shared_folder / "landed")
    with _only_once(workspace.folder) as first:
        if first:
            workspace.folder.mkdir()
            workspace.seamline("load", "seeds/raw")
    return workspace


@pytest.fixture(scope="session")
def built(landed: Workspace, shared_folder: Path) -> Workspace:
    """A workspace in which every model is built and tested. Copy before writing."""
    folder = shared_folder / "built"
    workspace = Workspace(folder)
    with _only_once(folder) as first:
        if first:
            landed.copy(folder).build()
    return workspace


@pytest.fixture(scope="session")
def landed_warehouse(landed: Workspace) -> Path:
    """The DuckDB file with the landed seeds. Copy before writing."""
    return landed.warehouse


@pytest.fixture(scope="session")
def built_warehouse(built: Workspace) -> Path:
    """The DuckDB file with every model built as of 2026-11-01. Copy before writing."""
    return built.warehouse


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A running sandbox, and the environment pointing at it."""
    from reverse_etl.sandbox import running_sandbox  # noqa: PLC0415 - only where it is needed

    with running_sandbox() as running:
        monkeypatch.setenv("SEAMLINE_SANDBOX_URL", running.url)
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server of this test run's own, on loopback."""
    with postgres_server() as server:
        yield server
