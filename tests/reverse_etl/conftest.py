"""A world and a channel for every test of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reverse_etl.recorder import Recorder, recording
from tests.reverse_etl.world import World


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
