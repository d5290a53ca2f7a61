"""How long the artifacts of dbt's runs are kept: they are tens of megabytes a run."""

from __future__ import annotations

import shutil
from pathlib import Path

KEPT_RUNS = 10


def artifacts_folder(target: Path, run_id: str, number: int) -> Path:
    """Return where dbt's ``number``-th invocation of a run writes its artifacts."""
    return target / "runs" / f"{run_id[:8]}-{number}"


def prune_artifacts(target: Path, keep: int = KEPT_RUNS) -> None:
    """Delete the artifacts of all but the newest runs, by when they were last written.

    What outlives them: the published manifest, the results in ``ops.dbt_results``, Dagster's log.
    """
    folder = target / "runs"
    newest: dict[str, float] = {}
    for entry in folder.iterdir() if folder.is_dir() else []:
        run = entry.name.rpartition("-")[0]
        newest[run] = max(newest.get(run, 0.0), entry.stat().st_mtime)
    for run in sorted(newest, key=lambda name: newest[name], reverse=True)[keep:]:
        for entry in folder.glob(f"{run}-*"):
            # Another run may be tidying up as well.
            shutil.rmtree(entry, ignore_errors=True)
