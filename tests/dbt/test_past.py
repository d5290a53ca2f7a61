"""The past, rebuilt beside the present: what was known at an instant, in schemas of its own."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from tests.conftest import Workspace
from tests.dbt.given import ask
from tests.extracts import read_rows

SEPTEMBER = "2026-09-01T00:00:00"


def test_a_past_instant_is_rebuilt_without_touching_today(built: Workspace, tmp_path: Path) -> None:
    workspace = built.copy(tmp_path / "past")
    whole = "select * from marts.campaigns order by campaign_id"
    results = "select count(*) from ops.dbt_results"
    today, recorded = ask(workspace, whole), ask(workspace, results)
    workspace.dbt(
        "run",
        "--select",
        "stg_crm__campaigns",
        "stg_email__campaigns",
        "campaigns",
        "--vars",
        json.dumps({"as_of": SEPTEMBER, "schema_suffix": "_september"}),
    )
    known = {
        f"{source}-{row['id']}"
        for source in ("crm", "email")
        for row in read_rows(source, "campaign")
        if datetime.fromisoformat(row["_fivetran_synced"].rstrip("Z"))
        <= datetime.fromisoformat(SEPTEMBER)
    }
    past = {name for (name,) in ask(workspace, "select campaign_id from marts_september.campaigns")}
    assert past == known
    assert 0 < len(past) < len(today)
    assert ask(workspace, whole) == today
    # A build of the past says nothing of whether today's tables may be sent.
    assert ask(workspace, results) == recorded
