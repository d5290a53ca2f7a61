"""The CSV drop: equal to the channel's rows, staged out of sight, safe to repeat."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.channel.batch import Batch, Mode, Operation, Record
from reverse_etl.destinations import files
from reverse_etl.destinations.files import destination

DEALS = {"d1": 100, "d2": 200, "d3": 300}


def deals(operation: Operation, amounts: dict[str, Any]) -> list[Record]:
    return [
        Record(key, operation, {"deal_id": key, "amount": amount})
        for key, amount in amounts.items()
    ]


def make(folder: Path, rows: list[Record], mode: Mode = "mirror", run: str = "run1") -> Batch:
    operation = rows[0].operation
    settings = {"DIRECTORY": str(folder)}
    name = f"{run}-{operation}"
    return Batch("open_deals", run, name, "csv", mode, operation, rows, settings)


def deliver(*batches: Batch) -> None:
    for a_batch in batches:
        verdicts = destination.write(a_batch)
        assert [verdict.key for verdict in verdicts] == [record.key for record in a_batch.records]
    destination.commit("open_deals", batches[0].run_id, batches[0].settings)


def rows_of(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["deal_id"]: row["amount"] for row in csv.DictReader(file)}


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("open_deals/*") if path.name[0] != ".")


def test_a_mirror_equals_what_was_sent(tmp_path: Path) -> None:
    deliver(make(tmp_path, deals("add", DEALS)))
    deliver(
        make(tmp_path, deals("change", {"d2": 250}), run="run2"),
        make(tmp_path, deals("remove", {"d1": None}), run="run2"),
    )
    path = tmp_path / "open_deals" / "open_deals.csv"
    assert rows_of(path) == {"d2": "250", "d3": "300"}
    manifest = json.loads((tmp_path / "open_deals" / "manifest.json").read_text())
    assert manifest == {
        "sync": "open_deals",
        "files": [
            {
                "name": "open_deals.csv",
                "run_id": "run2",
                "rows": 2,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        ],
    }


def test_append_writes_a_file_per_run(tmp_path: Path) -> None:
    deliver(make(tmp_path, deals("append", {"d1": 1}), "append"))
    deliver(make(tmp_path, deals("append", {"d2": 2}), "append", run="run2"))
    assert visible(tmp_path) == ["manifest.json", "open_deals-run1.csv", "open_deals-run2.csv"]
    assert rows_of(tmp_path / "open_deals" / "open_deals-run1.csv") == {"d1": "1"}


def test_nothing_is_seen_before_the_commit(tmp_path: Path) -> None:
    destination.write(make(tmp_path, deals("add", DEALS)))
    assert visible(tmp_path) == []
    staged = list((tmp_path / "open_deals").glob(".staged-*"))
    assert {path.stat().st_mode & 0o077 for path in staged} == {0}


@pytest.mark.parametrize("mode", ["mirror", "append"])
def test_writing_and_committing_again_changes_nothing(tmp_path: Path, mode: Mode) -> None:
    operation: Operation = "append" if mode == "append" else "add"
    a_batch = make(tmp_path, deals(operation, DEALS), mode)
    deliver(a_batch)
    seen = {name: (tmp_path / "open_deals" / name).read_bytes() for name in visible(tmp_path)}
    deliver(a_batch)
    destination.commit("open_deals", "run1", a_batch.settings)
    assert {name: (tmp_path / "open_deals" / name).read_bytes() for name in seen} == seen


@pytest.mark.parametrize("mode", ["mirror", "append"])
def test_a_run_that_commits_twice_keeps_both_halves(tmp_path: Path, mode: Mode) -> None:
    operation: Operation = "append" if mode == "append" else "add"
    first = make(tmp_path, deals(operation, {"d1": 1}), mode)
    second = replace(make(tmp_path, deals(operation, {"d2": 2}), mode), batch_id="run1-second")
    deliver(first)
    deliver(second)
    name = "open_deals.csv" if mode == "mirror" else "open_deals-run1.csv"
    assert rows_of(tmp_path / "open_deals" / name) == {"d1": "1", "d2": "2"}


@pytest.mark.parametrize("mode", ["mirror", "append"])
@pytest.mark.parametrize("steps", range(4))
def test_a_commit_cut_short_anywhere_is_finished_by_the_next(
    tmp_path: Path, mode: Mode, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation: Operation = "append" if mode == "append" else "add"
    deliver(make(tmp_path, deals(operation, {"d0": 0}), mode, run="run0"))
    a_batch = make(tmp_path, deals(operation, DEALS), mode)
    destination.write(a_batch)
    done = 0
    whole = files.replace

    def dying(path: Path, content: bytes, mode: int = 0o644) -> None:
        nonlocal done
        if done == steps:
            raise KeyboardInterrupt
        done += 1
        whole(path, content, mode)

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", dying)
        if steps < 3:
            with pytest.raises(KeyboardInterrupt):
                destination.commit("open_deals", "run1", a_batch.settings)
        else:
            destination.commit("open_deals", "run1", a_batch.settings)
    destination.commit("open_deals", "run1", a_batch.settings)
    name = "open_deals.csv" if mode == "mirror" else "open_deals-run1.csv"
    expected = {key: str(amount) for key, amount in DEALS.items()}
    expected |= {"d0": "0"} if mode == "mirror" else {}
    assert rows_of(tmp_path / "open_deals" / name) == expected
    assert not list((tmp_path / "open_deals").glob(".staged-*"))


def test_values_are_written_as_readers_expect(tmp_path: Path) -> None:
    fields = {"text": 'a "b", c', "list": [1, {"x": "é"}], "none": None, "flag": True}
    deliver(make(tmp_path, [Record("k", "add", fields)]))
    with (tmp_path / "open_deals" / "open_deals.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row == {"text": 'a "b", c', "list": '[1,{"x":"é"}]', "none": "", "flag": "true"}


def test_the_outbox_is_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAMLINE_HOME", str(tmp_path))
    assert files.folder_of("open_deals", {}) == tmp_path / "outbox" / "open_deals"
