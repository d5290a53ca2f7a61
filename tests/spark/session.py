"""A real local Spark session for the tests, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
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
        places = ["--project-dir", str(folder), "--profiles-dir", str(folder)]
        self._ask("dbt", [*arguments, *places])

    def _ask(self, *request: Any) -> Any:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "Spark's process ended; what it said is in spark.log"
        return json.loads(line)


@contextmanager
def session(folder: Path) -> Iterator[Spark]:
    """Start Spark in a folder; it ends when nothing more can be asked."""
    with (
        (folder / "spark.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, WORKER, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=not_ours(),
        ) as process,
    ):
        yield Spark(process)
