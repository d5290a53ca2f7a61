"""One run of a model that is materialized as connected_components, in a dbt project of its own.

``python -m benchmarks.components_dbt PROJECT MODEL [--full-refresh]`` prints what the model cost,
without dbt's own start, as JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from dbt.cli.main import dbtRunner

MACROS = Path(__file__).resolve().parent.parent / "dbt_project" / "macros" / "materializations"
HOOKS = re.compile(r"__cc\w+_(hooks_\d+)\b")


def make_project(folder: Path, models: Mapping[str, str], profile: Mapping[str, Any]) -> None:
    """Write a dbt project that has these models and our macros, and nothing else of ours."""
    (folder / "models").mkdir(parents=True)
    for name, query in models.items():
        (folder / "models" / f"{name}.sql").write_text(query)
    project = {
        "name": "bench",
        "profile": "bench",
        "macro-paths": [str(MACROS)],
        "flags": {"send_anonymous_usage_stats": False},
    }
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    profiles = {"bench": {"target": "bench", "outputs": {"bench": dict(profile)}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profiles))


def run(folder: Path, model: str, *flags: str) -> dict[str, float]:
    """Run the model in a process of its own; return what ``main`` prints.

    Raises:
        subprocess.CalledProcessError: the run failed; what it said goes to the error stream.
    """
    command = [sys.executable, "-m", "benchmarks.components_dbt", str(folder), model, *flags]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main() -> None:
    """Run dbt here, and read the clocks when the model starts and when it has ended."""
    folder, model, *flags = sys.argv[1:]
    os.environ["DBT_LOG_LEVEL_FILE"] = "debug"
    clocks: dict[str, tuple[float, float]] = {}
    statements: list[str] = []

    def watch(event: Any) -> None:
        if event.info.name in {"NodeStart", "NodeFinished"}:
            clocks[event.info.name] = (time.monotonic(), time.process_time())
        if event.info.name == "SQLQuery" and f"On model.bench.{model}" in event.info.msg:
            statements.append(event.info.msg)

    places = ["--project-dir", folder, "--profiles-dir", folder, "--quiet"]
    result = dbtRunner(callbacks=[watch]).invoke(["run", *places, "--select", model, *flags])
    if not result.success:
        sys.exit(f"{model}: {result.exception or [run.message for run in result.result]}")
    (begun, begun_cpu), (ended, ended_cpu) = clocks["NodeStart"], clocks["NodeFinished"]
    print(
        json.dumps(
            {
                "seconds": ended - begun,
                "cpu": ended_cpu - begun_cpu,
                "megabytes": _peak_megabytes(),
                "statements": len(statements),
                "rounds": len({name for text in statements for name in HOOKS.findall(text)}),
            }
        )
    )


def _peak_megabytes() -> float:
    """Return the most memory this process held; getrusage would count its parent's before exec."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


if __name__ == "__main__":
    main()
