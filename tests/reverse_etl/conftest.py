"""A world and a channel for every test of the engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.server import PostgresServer
from tests.reverse_etl.recorder import Recorder, recording
from tests.reverse_etl.world import PostgresWorld, World


@pytest.fixture
def channel() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def world(tmp_path: Path, channel: Recorder, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TESTER_URL", channel.url)
    world.create()
    return world


@pytest.fixture(params=["duckdb", "postgres"])
def anywhere(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    channel: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """The world on either warehouse."""
    world = World(tmp_path)
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        database = server.create_database(f"engine_{uuid.uuid4().hex[:8]}")
        world = PostgresWorld(tmp_path, settings=server.environment(database))
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TESTER_URL", channel.url)
    world.create()
    return world
