"""What ``make demo`` runs: the daily job, once, from nothing, and then what came of it.

The pipeline is the one that the schedule runs. Only what lies around it is the demo's own: a fresh
home, a sandbox to send to, and the printing. With ``--real DIR`` the same models are built from
data that nobody generated, and nothing is sent.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from rich.console import Console

from orchestration import report
from orchestration.figures import Figures
from orchestration.local import dagster_home, sandbox_process
from reverse_etl.errors import SeamlineError
from reverse_etl.profile import home_directory, project_directory, read_profile

_REAL_FILES = {
    "uci_online_retail_2009_2010.parquet": "retail/invoice_lines.parquet",
    "retentioneering_clickstream.csv": "clickstream/events.csv",
}
_REAL_SOURCES = ["retail", "clickstream"]
# Only failures; Dagster keeps the whole log, and shows it in its UI.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Ran:
    """How a run of the job went."""

    is_success: bool
    failures: list[str]
    steps: dict[str, float]
    syncs: dict[str, dict[str, Any]]
    seconds: float


def main() -> None:
    """Run the demo, or with ``--real`` the same on real data."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.demo")
    parser.add_argument("--real", metavar="DIR", type=Path, help="folder with the real data sets")
    real: Path | None = parser.parse_args().real
    # A handle of its own, since what dbt and Dagster print goes to a file while they run.
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False)
    try:
        ran = _demonstrate(console) if real is None else _demonstrate_real(console, real)
    except SeamlineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    for failure in ran.failures:
        print(f"failed: {failure}", file=sys.stderr)
    sys.exit(0 if ran.is_success else 1)


def _demonstrate(console: Console) -> Ran:
    home = home_directory()
    _empty(home)
    what = "Landing seeds/raw, building and testing every model, syncing"
    with _told(console, what), sandbox_process():
        ran = _run_daily()
    figures = Figures(_warehouse())
    truth = project_directory().parent / "seeds" / "truth" / "person_records.csv"
    manifest = _published(home)
    report.print_people(console, figures, truth)
    report.print_landing(console, figures)
    report.print_segments(console, figures.segments(manifest))
    report.print_syncs(console, ran.syncs)
    report.print_time(console, ran.steps, ran.seconds)
    report.print_next_steps(console)
    return ran


def _demonstrate_real(console: Console, data: Path) -> Ran:
    home = home_directory() / "real"
    os.environ["SEAMLINE_HOME"] = str(home)
    os.environ["SEAMLINE_DUCKDB_PATH"] = str(home / "warehouse.duckdb")
    os.environ["SEAMLINE_DBT_VARS"] = json.dumps({"sources": _REAL_SOURCES})
    missing = [name for name in _REAL_FILES if not (data / name).is_file()]
    if missing:
        raise SeamlineError(f"{data} lacks {' and '.join(missing)}; name the folder that has them.")
    _empty(home)
    landing = home / "landing"
    for name, place in _REAL_FILES.items():
        (landing / place).parent.mkdir(parents=True)
        (landing / place).symlink_to((data / name).resolve())
    os.environ["SEAMLINE_LANDING"] = str(landing)
    with _told(console, f"Landing {data}, building and testing every model"):
        ran = _run_daily(but_for="group:channels")
    figures = Figures(_warehouse())
    report.print_real(console, figures)
    report.print_landing(console, figures)
    report.print_time(console, ran.steps, ran.seconds)
    return ran


def _run_daily(but_for: str | None = None) -> Ran:
    """Run the job that the schedule runs, in this process; leave out a selection if told."""
    # Imported now, since the definitions read the environment that was settled just before.
    from orchestration.definitions import daily_job, defs  # noqa: PLC0415

    begun = time.monotonic()
    selection = None
    if but_for is not None:
        assets = dg.AssetSelection.all() - dg.AssetSelection.from_string(but_for)
        selection = sorted(assets.resolve(defs.resolve_asset_graph()))
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    with dg.execute_job(
        dg.reconstructable(daily_job),
        instance,
        run_config=_QUIET,
        asset_selection=selection,
    ) as result:
        return _read(result, time.monotonic() - begun)


def _read(result: dg.JobExecutionResult, seconds: float) -> Ran:
    failures: list[str] = []
    steps: dict[str, float] = {}
    syncs: dict[str, dict[str, Any]] = {}
    for event in result.all_events:
        step = str(event.step_key).removeprefix("channels__")
        if event.is_step_success:
            steps[step] = event.step_success_data.duration_ms / 1000
        elif event.is_step_failure:
            told = event.step_failure_data.user_failure_data
            why = told.description if told else event.step_failure_data.error_display_string
            failures.append(f"{step}: {why}")
            if told and told.metadata:
                syncs[step] = _plain(told.metadata)
        elif event.is_step_materialization and str(event.step_key).startswith("channels__"):
            syncs[step] = _plain(event.step_materialization_data.materialization.metadata)
    return Ran(result.success, failures, steps, dict(sorted(syncs.items())), seconds)


def _plain(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def _warehouse() -> Path:
    profile = read_profile()
    if profile.dialect != "duckdb":
        raise SeamlineError("The demo runs on DuckDB; unset SEAMLINE_TARGET.")
    return Path(profile.settings["path"])


def _published(home: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((home / "manifest.json").read_text())
    return manifest


def _empty(home: Path) -> None:
    """Begin from nothing, but never remove a folder that is not Seamline's."""
    if home.is_dir() and any(home.iterdir()) and not (home / "dagster").is_dir():
        raise SeamlineError(f"{home} holds something else; set SEAMLINE_HOME to a folder of ours.")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


@contextmanager
def _told(console: Console, what: str) -> Iterator[None]:
    """Say what takes so long, and where the tools that do it tell their own story."""
    log = home_directory() / "demo.log"
    console.print(f"{what} … (the long story: {os.path.relpath(log)})")
    with console.status("working"), log.open("w") as file, _output_to(file.fileno()):
        yield


@contextmanager
def _output_to(file: int) -> Iterator[None]:
    """Send what this process and its children print to a file."""
    streams = (sys.stdout, sys.stderr)
    kept = [os.dup(stream.fileno()) for stream in streams]
    try:
        for stream in streams:
            stream.flush()
            os.dup2(file, stream.fileno())
        yield
    finally:
        for stream, original in zip(streams, kept, strict=True):
            stream.flush()
            os.dup2(original, stream.fileno())
            os.close(original)


if __name__ == "__main__":
    main()
