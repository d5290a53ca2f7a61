"""The published manifest: whole, compiled, and replaced at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestration.defs.publication import publish_manifest


def _node(checksum: str, code: str | None = None) -> dict[str, Any]:
    node: dict[str, Any] = {"checksum": {"name": "sha256", "checksum": checksum}}
    return node | ({"compiled": True, "compiled_code": code} if code else {})


def _write(path: Path, **nodes: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"nodes": nodes}))
    return path


def _published(path: Path) -> dict[str, Any]:
    nodes: dict[str, Any] = json.loads(path.read_text())["nodes"]
    return nodes


def test_both_invocations_of_a_build_are_compiled(tmp_path: Path) -> None:
    first = _write(tmp_path / "1.json", people=_node("a", "select 1"), sync=_node("b"))
    second = _write(tmp_path / "2.json", people=_node("a"), sync=_node("b", "select 2"))
    publish_manifest([first, second], tmp_path / "manifest.json")
    nodes = _published(tmp_path / "manifest.json")
    assert nodes["people"]["compiled_code"] == "select 1"
    assert nodes["sync"]["compiled_code"] == "select 2"


def test_a_partial_run_keeps_what_was_compiled_before(tmp_path: Path) -> None:
    destination = tmp_path / "manifest.json"
    publish_manifest([_write(tmp_path / "1.json", people=_node("a", "select 1"))], destination)
    publish_manifest([_write(tmp_path / "2.json", people=_node("a"))], destination)
    assert _published(destination)["people"]["compiled_code"] == "select 1"


def test_a_changed_model_loses_what_its_predecessor_compiled_to(tmp_path: Path) -> None:
    destination = tmp_path / "manifest.json"
    publish_manifest([_write(tmp_path / "1.json", people=_node("a", "select 1"))], destination)
    publish_manifest([_write(tmp_path / "2.json", people=_node("changed"))], destination)
    assert "compiled_code" not in _published(destination)["people"]


def test_nothing_half_written_lies_about(tmp_path: Path) -> None:
    destination = tmp_path / "home" / "manifest.json"
    publish_manifest([_write(tmp_path / "1.json", people=_node("a", "select 1"))], destination)
    assert [path.name for path in destination.parent.iterdir()] == ["manifest.json"]
