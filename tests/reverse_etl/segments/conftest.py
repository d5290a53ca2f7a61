"""The built warehouse together with all of its SQL as dbt compiles it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from reverse_etl.contract.project import Project
from reverse_etl.warehouse.duckdb import DuckDBWarehouse
from reverse_etl.warehouse.opening import open_warehouse
from reverse_etl.warehouse.session import Warehouse
from tests.conftest import Workspace


@pytest.fixture(scope="session")
def compiled(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A build leaves a manifest of its own models alone; the pipeline publishes all of them."""
    workspace = built.copy(tmp_path_factory.mktemp("compiled") / "workspace")
    workspace.dbt("--quiet", "compile", "--select", "fqn:*")
    return workspace


@pytest.fixture(scope="session")
def project(compiled: Workspace) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in compiled.environment.items():
            environment.setenv(name, value)
        yield Project.load()


@pytest.fixture
def warehouse(project: Project) -> Iterator[Warehouse]:
    """The warehouse as the command line opens it."""
    with open_warehouse(project.profile, project.home) as opened:
        yield opened


@pytest.fixture
def changing(compiled: Workspace, tmp_path: Path) -> Iterator[DuckDBWarehouse]:
    """A copy of the warehouse whose rows may be changed; what was changed is taken back."""
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(compiled.warehouse.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        yield DuckDBWarehouse(connection)
    os.unlink(copy)
