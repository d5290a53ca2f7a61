"""dbt's artifacts of past runs go, the newest stay."""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.defs.retention import artifacts_folder, prune_artifacts


def _run(target: Path, run_id: str, written: float) -> None:
    for number in (1, 2):
        folder = artifacts_folder(target, run_id, number)
        folder.mkdir(parents=True)
        (folder / "run_results.json").write_text("{}")
        os.utime(folder, (written, written))


def test_the_newest_runs_stay_whole(tmp_path: Path) -> None:
    for number, run_id in enumerate(("cccccccc-0", "aaaaaaaa-0", "bbbbbbbb-0")):
        _run(tmp_path, run_id, written=1000.0 + number)
    (tmp_path / "manifest.json").write_text("{}")
    prune_artifacts(tmp_path, keep=2)
    left = {path.name for path in (tmp_path / "runs").iterdir()}
    assert left == {"aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb-1", "bbbbbbbb-2"}
    assert (tmp_path / "manifest.json").is_file()


def test_before_the_first_run_there_is_nothing_to_prune(tmp_path: Path) -> None:
    prune_artifacts(tmp_path)
