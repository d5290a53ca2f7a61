"""A real local Spark session for the tests, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.dbt.strangers import not_ours

WORKER = Path(__file__).with_name("worker.py")


def why_not() -> str:
    """Why there can be no Spark here; nothing where there can."""
    if not shutil.which("java"):
        return "Spark needs Java: apt-get install openjdk-17-jre-headless"
    missing = [name for name in ("pyspark", "dbt.adapters.spark") if not _is_there(name)]
    return f"{missing[0]} is not installed: pip install 'seamline[spark]'" if missing else ""


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


class Spark:
    """The engine of a stranger who has Spark, and the dbt that runs in its session."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.profile: dict[str, Any] = {
            "type": "spark",
            "method": "session",
            "host": "local",
            "schema": "default",
        }
        self.process = process
        self._answer()

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self._ask("execute", statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._ask("rows", query)]

    def land(self, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._ask("land", table, columns.replace("text", "string"), list(rows))

    def tables(self) -> list[str]:
        return sorted(name for _, name, _ in self.rows("show tables"))

    def dbt(self, folder: Path, arguments: list[str]) -> None:
        self._ask("dbt", _in_folder(folder, arguments))

    def kill_in_dbt(self, folder: Path, arguments: list[str], when: str) -> None:
        """Start dbt; kill the process and its JVM when dbt's log has that text once more."""
        log = folder / "logs" / "dbt.log"
        before = log.read_text().count(when)
        self._send("dbt", _in_folder(folder, arguments))
        while log.read_text().count(when) == before:
            assert self.process.poll() is None, "it ended before it could be killed"
            time.sleep(0.1)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _send(self, *request: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def _ask(self, *request: Any) -> Any:
        self._send(*request)
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "Spark's process ended; what it said is in spark.log"
        return json.loads(line)


def _in_folder(folder: Path, arguments: list[str]) -> list[str]:
    return [*arguments, "--project-dir", str(folder), "--profiles-dir", str(folder)]


@contextmanager
def session(folder: Path, *, outlived: bool = False) -> Iterator[Spark]:
    """Start Spark in a folder; it ends with the context. Its tables may outlive it."""
    with (
        (folder / "spark.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, WORKER, folder, *(["hive"] if outlived else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=not_ours(),
            start_new_session=True,
        ) as process,
    ):
        yield Spark(process)
