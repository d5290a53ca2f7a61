"""One DuckDB instance in a process, handed from who is done to who waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from reverse_etl.warehouse.turns import Turns

PATIENCE_SECONDS = 30.0


class Files:
    """Turns with files of a folder, and the instances that were opened for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turns = Turns()
        self.opened: list[str] = []

    def use(self, name: str, statement: str) -> list[tuple[int, ...]]:
        """Take a turn with a file for one statement."""
        with self.turns.take(name, self.opening(name)) as instance:
            return instance.cursor().execute(statement).fetchall()

    def opening(self, name: str) -> Callable[[], duckdb.DuckDBPyConnection]:
        """Return what opens a file."""

        def connect() -> duckdb.DuckDBPyConnection:
            self.opened.append(name)
            return duckdb.connect(str(self.folder / name))

        return connect


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def begin(files: Files, pool: ThreadPoolExecutor, name: str, statement: str) -> Future[list]:
    """Have another thread wait for its turn."""
    before = files.turns.waiting(name)
    turn = pool.submit(files.use, name, statement)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while files.turns.waiting(name) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return turn


def test_who_waits_goes_on_with_what_is_open(files: Files, pool: ThreadPoolExecutor) -> None:
    with files.turns.take("one", files.opening("one")) as instance:
        own = instance.cursor()
        own.execute("create table kept as select 1 as number")
        own.execute("create temporary table private as select 2 as number")
        first = begin(files, pool, "one", "select number from kept")
        second = begin(files, pool, "one", "select count(*) from duckdb_tables() where temporary")
        own.close()
    assert first.result(PATIENCE_SECONDS) == [(1,)]
    assert second.result(PATIENCE_SECONDS) == [(0,)]
    assert files.opened == ["one"]


def test_nothing_stays_open_when_nobody_waits(files: Files) -> None:
    files.use("one", "create table kept as select 1 as number")
    # Another mode is refused for as long as an instance lives.
    with duckdb.connect(str(files.folder / "one"), read_only=True) as reader:
        assert reader.execute("select number from kept").fetchall() == [(1,)]
    assert files.use("one", "select number from kept") == [(1,)]
    assert files.opened == ["one", "one"]


def test_another_file_is_opened_by_who_wants_it(files: Files, pool: ThreadPoolExecutor) -> None:
    with files.turns.take("one", files.opening("one")):
        other = begin(files, pool, "other", "select 3")
    assert other.result(PATIENCE_SECONDS) == [(3,)]
    assert files.opened == ["one", "other"]


def test_who_fails_hands_nothing_over(files: Files, pool: ThreadPoolExecutor) -> None:
    with (
        pytest.raises(duckdb.CatalogException),
        files.turns.take("one", files.opening("one")) as instance,
    ):
        waiting = begin(files, pool, "one", "select 4")
        instance.execute("select * from nowhere")
    assert waiting.result(PATIENCE_SECONDS) == [(4,)]
    assert files.opened == ["one", "one"]


def test_only_one_has_it_at_a_time(files: Files, pool: ThreadPoolExecutor) -> None:
    inside: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def enter() -> None:
        with files.turns.take("one", files.opening("one")):
            with lock:
                inside.append(1)
                most.append(len(inside))
            time.sleep(0.05)
            with lock:
                inside.pop()

    for turn in [pool.submit(enter) for _ in range(6)]:
        turn.result(PATIENCE_SECONDS)
    assert most == [1] * 6
