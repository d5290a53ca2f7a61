"""How every benchmark here measures and prints: work beside its comparator, in one run."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratio`` is ours divided by other; ``target`` is what it must not exceed."""

    work: str
    unit: str
    ours: float
    other: float
    other_name: str
    ratio: float
    target: float
    holds: bool


def compare(  # noqa: PLR0917 - the columns of a row, in their order
    work: str, unit: str, ours: float, other: float, other_name: str, target: float
) -> Row:
    """Return the row that says how ours stands against the other."""
    ratio = ours / other
    return Row(work, unit, ours, other, other_name, ratio, target, ratio <= target)


def alternate(
    rounds: int, ours: Callable[[], float], other: Callable[[], float]
) -> tuple[float, float]:
    """Run both in turn, so that a machine whose speed drifts is fair to both; return medians."""
    pairs = [(ours(), other()) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def seconds_of(command: Sequence[str | Path], environment: Mapping[str, str]) -> float:
    """Run a command to its end; return its wall time.

    Raises:
        subprocess.CalledProcessError: the command failed; a failed run has no time.
    """
    begun = time.monotonic()
    subprocess.run(
        [str(part) for part in command],
        check=True,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - begun


@dataclass(frozen=True)
class Spent:
    """What one process took: wall and CPU seconds, its largest resident size, its exit code."""

    wall: float
    cpu: float
    megabytes: float
    exit_code: int


def spent_by(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path | None = None,
    expected: Sequence[int] = (0,),
) -> Spent:
    """Run a command to its end, start-up included.

    Raises:
        subprocess.CalledProcessError: it ended with another code than those expected.
    """
    begun = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            # Both sides start from compiled modules, whatever this shell prefers.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environment},
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = code = os.waitstatus_to_exitcode(status)
        if code not in expected:
            output.seek(0)
            error = subprocess.CalledProcessError(code, process.args)
            error.add_note(output.read().decode(errors="replace")[-2000:])
            raise error
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, code)


def peak_megabytes_of_children() -> float:
    """Return the largest resident size that any finished child process has had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of the two switches that every benchmark takes."""
    switches = argparse.ArgumentParser(description=description)
    switches.add_argument("--quick", action="store_true", help="smaller input, under a minute")
    switches.add_argument("--json", action="store_true", help="one JSON object per row")
    return switches


def arguments(description: str) -> argparse.Namespace:
    """Parse those two alone."""
    return parser(description).parse_args()


def show(rows: Iterable[Row], as_json: bool) -> None:
    """Print the rows as a table, or as JSON lines, each as soon as it is known."""
    if as_json:
        for row in rows:
            print(json.dumps(asdict(row)), flush=True)
        return
    print("| work | ours | other | ratio | target | holds |")
    print("|---|--:|--:|--:|--:|---|")
    for row in rows:
        print(
            f"| {row.work} | {row.ours:,.1f} {row.unit} | {row.other:,.1f} {row.unit}"
            f" ({row.other_name}) | {row.ratio:.2f} | ≤ {row.target:g} |"
            f" {'yes' if row.holds else 'no'} |",
            flush=True,
        )
