"""The definitions as Dagster loads them, in a home of the test's own."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pytest

from tests.conftest import Workspace


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and take back these and whatever was set meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="package", autouse=True)
def _nothing_is_left_in_the_environment() -> Iterator[None]:
    """The pipeline tells its dbt where things lie; tests of other rooms are not to hear of it."""
    with environment({}):
        yield


def load_definitions() -> Any:
    """Return the module of the definitions, loaded for the environment as it is now."""
    import orchestration.definitions  # noqa: PLC0415 - it reads the environment when imported

    return importlib.reload(orchestration.definitions)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.Definitions]:
    """The definitions, in an empty home."""
    workspace = Workspace(tmp_path_factory.mktemp("definitions"))
    with environment(workspace.environment):
        yield load_definitions().defs
