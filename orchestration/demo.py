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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from orchestration import report
from orchestration.figures import Figures
from orchestration.load import KNOWN_EXTRACTS
from orchestration.parsing import parsed_manifest
from reverse_etl.contract.profile import read_profile
from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory, project_directory

if TYPE_CHECKING:
    from orchestration.run import Ran

_REAL_HOME = "real"
_LOG_WIDTH = 110


def main() -> None:
    """Run the demo, or with ``--real`` the same on real data."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.demo")
    parser.add_argument("--real", metavar="DIR", type=Path, help="folder with the real data sets")
    real: Path | None = parser.parse_args().real
    # A handle of its own, since what dbt and Dagster print goes to a file while they run.
    stdout = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    width = None if stdout.isatty() else _LOG_WIDTH
    console = Console(file=stdout, width=width, highlight=False)
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
    with _told(console, what):
        ran = _run_and_send()
    if not ran.is_built:
        return ran
    truth = project_directory().parent / "seeds" / "truth" / "person_records.csv"
    with Figures(_warehouse()) as figures:
        report.print_people(console, figures, truth)
        report.print_landing(console, figures)
        report.print_segments(console, figures.segments(_published(home)))
    report.print_syncs(console, ran.syncs)
    report.print_time(console, ran.steps, ran.seconds)
    report.print_next_steps(console)
    return ran


def _demonstrate_real(console: Console, data: Path) -> Ran:
    home = home_directory() / _REAL_HOME
    os.environ["SEAMLINE_HOME"] = str(home)
    os.environ["SEAMLINE_DUCKDB_PATH"] = str(home / "warehouse.duckdb")
    os.environ["SEAMLINE_LANDING"] = str(data)
    os.environ["SEAMLINE_DBT_VARS"] = json.dumps(
        {"sources": [source for source, _ in KNOWN_EXTRACTS.values()]}
    )
    missing = [name for name in KNOWN_EXTRACTS if not (data / name).is_file()]
    if missing:
        raise SeamlineError(f"{data} lacks {' and '.join(missing)}; name the folder that has them.")
    _empty(home)
    with _told(console, f"Landing {data}, building and testing every model"):
        ran = _run_without_syncs()
    if not ran.is_built:
        return ran
    with Figures(_warehouse()) as figures:
        report.print_real(console, figures)
        report.print_landing(console, figures)
    report.print_time(console, ran.steps, ran.seconds)
    return ran


def _run_and_send() -> Ran:
    # Dagster takes seconds to import and dbt many more to parse: both at once.
    with ThreadPoolExecutor(max_workers=1) as beside:
        parsed = beside.submit(parsed_manifest)
        import dagster_dbt  # noqa: F401, PLC0415

        from orchestration.local import sandbox_process  # noqa: PLC0415
        from orchestration.run import run_daily  # noqa: PLC0415

        with sandbox_process():
            parsed.result()
            return run_daily()


def _run_without_syncs() -> Ran:
    import dagster as dg  # noqa: PLC0415

    from orchestration.defs.automation import EVERYTHING_DAILY  # noqa: PLC0415
    from orchestration.run import run_daily  # noqa: PLC0415

    return run_daily(EVERYTHING_DAILY - dg.AssetSelection.groups("plans", "channels"))


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
    is_ours = home.name == ".seamline" or (home / "dagster").is_dir()
    if home.is_dir() and any(home.iterdir()) and not is_ours:
        raise SeamlineError(f"{home} holds something else; set SEAMLINE_HOME to a folder of ours.")
    from reverse_etl.sandbox.shelf import running_at  # noqa: PLC0415 - dbt parses meanwhile

    if url := running_at(home):
        raise SeamlineError(f"the demo begins anew: stop the sandbox at {url} first.")
    home.mkdir(parents=True, exist_ok=True)
    for entry in home.iterdir():
        if entry.name == _REAL_HOME:
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


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
