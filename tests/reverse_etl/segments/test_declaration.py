"""A segment that says too little of itself, or the impossible, is refused by file and field."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.contract.manifest import Manifest
from reverse_etl.contract.project import Project
from reverse_etl.segments.declaration import SegmentError, declared_segments
from tests.conftest import ROOT, Workspace

FILE = (
    "dbt_project/models/segments/best_customers.yml: "
    "segment 'best_customers': config.meta.segment: "
)


def declaring(project: Project, **facts: Any) -> Project:
    """The project with other facts about one segment; a fact that is none is left out."""
    manifest = project.manifest
    unique_id = manifest.model("best_customers")
    assert unique_id
    node = manifest.nodes[unique_id]
    segment = {**node["config"]["meta"]["segment"], **facts}
    segment = {name: fact for name, fact in segment.items() if fact is not None}
    config = {**node["config"], "meta": {"segment": segment}}
    nodes = {**manifest.nodes, unique_id: {**node, "config": config}}
    changed = Manifest(manifest.path, nodes, manifest.sources, manifest.exposures)
    return replace(project, manifest=changed)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"owner": None}, "owner: is missing; add it."),
        ({"objective": None}, "objective: is missing; add it."),
        ({"purpose": None}, "purpose: is missing; add it."),
        ({"expires_on": "soon"}, "expires_on: "),
        ({"owner": "somebody"}, "owner: "),
        ({"purpose": "spam"}, "purpose: 'spam' is not in purposes.yml; use one of: advertising"),
        ({"channels": ["fax"]}, "channels: 'fax' has no sync of audiences; use one of: klaviyo"),
        ({"exclude": ["old_customers"]}, "exclude: 'old_customers' is no other segment; use one"),
        ({"exlude": ["new_customers"]}, "exlude: is not known; remove it."),
    ],
)
def test_what_is_missing_or_impossible_is_named(
    facts: dict[str, Any], said: str, project: Project
) -> None:
    with pytest.raises(SegmentError) as error:
        declared_segments(declaring(project, **facts), date(2026, 11, 1))
    assert str(error.value).startswith(FILE + said)


def test_a_segment_is_paused_from_its_day_on(project: Project) -> None:
    expiring = declaring(project, expires_on="2026-11-02")
    for day, paused in ((1, []), (2, ["best_customers"])):
        found = declared_segments(expiring, date(2026, 11, day))
        assert [each.name for each in found if each.is_expired] == paused
    (best,) = (each for each in found if each.is_expired)
    assert "expired on 2026-11-02: it is paused at its channels" in best.pause


def test_check_counts_segments_and_refuses_a_broken_one(
    compiled: Workspace, tmp_path: Path
) -> None:
    said = compiled.seamline("check").stdout
    files = [*(ROOT / "dbt_project" / "models" / "segments").glob("*.sql")]
    assert len(files) >= 7 and f"{len(files)} segments are well declared." in said
    manifest = json.loads(compiled.manifest.read_text())
    del manifest["nodes"]["model.seamline.best_customers"]["config"]["meta"]["segment"]["purpose"]
    broken = compiled.copy(tmp_path / "broken")
    broken.manifest.write_text(json.dumps(manifest))
    done = broken.seamline("check", check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: {FILE}purpose: is missing; add it.\n"
