"""Micro-batches against full builds: the same rows, in every table on the way to the channels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.increment.batch import KEPT
from orchestration.increment.graph import Graph
from orchestration.warm_dbt import WarmDbt
from reverse_etl.errors import SeamlineError
from tests.conftest import ROOT, Workspace
from tests.extracts import read_rows, write_rows
from tests.orchestration.visits import Visits

# At the second one a cart of the first is abandoned, at the third people leave segments' windows.
MOMENTS = ("2026-11-01T01:00:00", "2026-11-01T03:00:00", "2026-11-09T00:00:00")
# Of nobody in particular: how many purchases whoever has such a history will make.
OF_NOBODY = {"int_purchases_expected"}
# What fades with the clock and is nobody's news: who was not touched has it from the last build.
FADING = {
    "int_purchases_counted": {"age_weeks", "silent_days", "counted_at"},
    "lifetime_values": {
        *("alive_probability", "expected_purchases", "predicted_margin", "is_churned"),
    },
    "lead_scores": {"behaviour_points", "score", "is_qualified"},
    "tasks": {"is_overdue"},
    "tickets": {"is_response_late", "is_resolution_late"},
    "person_traits": {
        *("alive_probability", "predicted_margin", "is_churned", "lead_score", "sales_stage"),
        *("recency_score", "frequency_score", "monetary_score"),
    },
    "sync_hubspot_contacts": {"seamline_lead_score", "seamline_sales_stage"},
    # A run has one generation, and one instant at which it registers.
    "int_person_ids_registered": {"generation", "registered_at"},
}

# An event of nobody in particular on a shared device, the person who holds it for having logged in
# last, and somebody else who had logged in there before.
LAST_LOGGED_IN = """
    select nobody.event_id, nobody.anonymous_id, other.user_id, other.person_id, nobody.occurred_at
    from marts.events as nobody
    inner join marts.events as holder on nobody.anonymous_id = holder.anonymous_id
        and nobody.person_id = holder.person_id and nobody.occurred_at > holder.occurred_at
    inner join marts.events as other on holder.anonymous_id = other.anonymous_id
        and holder.person_id <> other.person_id and holder.occurred_at > other.occurred_at
    where nobody.user_id is null and holder.user_id is not null and other.user_id is not null
        and nobody.anonymous_id in (
            select anonymous_id from intermediate.int_devices_logged_in where is_shared
        )
    order by nobody.occurred_at desc, nobody.event_id, other.user_id limit 1
"""


@pytest.fixture
def warm(parsed: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmDbt]:
    """dbt with the project parsed."""
    for name, value in parsed.environment.items():
        monkeypatch.setenv(name, value)
    folder = str(ROOT / "dbt_project")
    server = WarmDbt(
        ROOT / "dbt_project",
        ["--project-dir", folder, "--profiles-dir", folder, "--no-write-json"],
    )
    assert server.parsing.wait() == 0
    yield server
    server.close()


def take_up(warm: WarmDbt, workspace: Workspace, moment: str) -> dict[str, Any]:
    """Compute a micro-batch in a workspace, and return what it came to."""
    command = warm.take_up(
        workspace.folder / "manifest.json",
        datetime.fromisoformat(moment),
        os.environ | workspace.environment,
    )
    said = b"".join(command).decode()
    assert command.wait() == 0, said
    return dict(json.loads(said.strip().splitlines()[-1]))


def published(workspace: Workspace) -> dict[str, Any]:
    """The manifest of the workspace's last full build."""
    content: dict[str, Any] = json.loads((workspace.folder / "manifest.json").read_text())
    return content


def rebuild(workspace: Workspace, moment: str) -> None:
    """Build everything, at an instant."""
    at = Workspace(workspace.folder, {"SEAMLINE_AS_OF": moment})
    for choice in ("--exclude", "--select"):
        at.dbt("run", choice, "path:models/activation")


def land(workspace: Workspace, folder: Path, moment: str) -> None:
    """Land a folder, as arrived at an instant."""
    workspace.seamline("load", str(folder), "--loaded-at", moment)


def differences(one: Path, other: Path, graph: Graph) -> dict[str, tuple[int, int]]:
    """Return, for each table that is not the same, the rows that only the one or the other has."""
    names = dict.fromkeys(
        [*(name for _, name in graph.raw_shaped()), *graph.conformed(), *graph.path]
    )
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one}' as one (read_only)")
        connection.execute(f"attach '{other}' as other (read_only)")

        def compare(table: str, skipped: set[str]) -> None:
            described = connection.execute(f"describe one.{table}").fetchall()
            columns = ", ".join(f'"{column}"' for column, *_ in described if column not in skipped)
            counts = [
                connection.execute(
                    f"select count(*) from (select {columns} from {left}.{table} "
                    f"except all select {columns} from {right}.{table})"
                ).fetchall()[0][0]
                for left, right in (("one", "other"), ("other", "one"))
            ]
            if any(counts):
                found[table] = (counts[0], counts[1])

        for name in names:
            if name not in KEPT | OF_NOBODY:
                compare(f"{graph.by_name[name]['schema']}.{name}", FADING.get(name, set()))
        compare("segments.segment_memberships", set())
        compare("marts.landing_counts", set())
    return found


def test_any_history_of_micro_batches_is_a_full_build(
    built: Workspace, tmp_path: Path, warm: WarmDbt
) -> None:
    """Anonymous, known, new, merged, shared, late, repeated and broken: row for row the same."""
    followed, rebuilt = built.copy(tmp_path / "followed"), built.copy(tmp_path / "rebuilt")
    visits = Visits(seed=11)
    graph = Graph(published(built), datetime.fromisoformat(MOMENTS[0]))
    with duckdb.connect(str(built.warehouse), read_only=True) as before:
        [(people,)] = before.execute("select count(*) from marts.people").fetchall()

    for number, moment in enumerate(MOMENTS):
        if number < 2:  # the last one is time alone
            visits.write(tmp_path / f"landed-{number}", datetime.fromisoformat(moment), 60)
            for workspace in (followed, rebuilt):
                land(workspace, tmp_path / f"landed-{number}", moment)
        rebuild(rebuilt, moment)
        batch = take_up(warm, followed, moment)
        assert batch["landed"] == (70 if number < 2 else 0)
        assert 0 < batch["people"] < people
        assert differences(followed.warehouse, rebuilt.warehouse, graph) == {}, moment

    with duckdb.connect(str(followed.warehouse), read_only=True) as after:
        merged = after.execute(
            "select count(*) from intermediate.int_person_ids_resolved "
            "where person_id <> current_person_id"
        ).fetchall()[0][0]
    with duckdb.connect(str(built.warehouse), read_only=True) as before:
        assert (
            merged
            > before.execute(
                "select count(*) from intermediate.int_person_ids_resolved "
                "where person_id <> current_person_id"
            ).fetchall()[0][0]
        ), "the visits made nobody one; the test shows less than it says"


def test_visits_of_who_is_known_leave_who_is_who_alone(
    built: Workspace, tmp_path: Path, warm: WarmDbt
) -> None:
    """The rows of a full build, and nobody resolved anew; what events decide is still computed."""
    followed, rebuilt = built.copy(tmp_path / "followed"), built.copy(tmp_path / "rebuilt")
    Visits(seed=7).write_again(tmp_path / "landed", datetime.fromisoformat(MOMENTS[0]), 60)
    for workspace in (followed, rebuilt):
        land(workspace, tmp_path / "landed", MOMENTS[0])
    rebuild(rebuilt, MOMENTS[0])
    batch = take_up(warm, followed, MOMENTS[0])
    graph = Graph(published(built), datetime.fromisoformat(MOMENTS[0]))
    assert differences(followed.warehouse, rebuilt.warehouse, graph) == {}
    assert batch["people"] > 0
    assert set(batch["models"]) == graph.following - KEPT
    assert {"events", "sessions", "people", "abandoned_cart"} <= graph.following
    assert {"events", "sessions", "timeline"} <= set(batch["changed"]) <= graph.following
    assert "leads" not in batch["changed"], "a visit makes nobody a lead"
    assert not {"int_identity_drafts", "identities", "contacts"} & graph.following


def test_a_late_login_on_a_shared_device_takes_from_another_what_came_after_it(
    built: Workspace, tmp_path: Path, warm: WarmDbt
) -> None:
    """Who was last logged in changes, and who is who does not: both are touched."""
    followed, rebuilt = built.copy(tmp_path / "followed"), built.copy(tmp_path / "rebuilt")
    with duckdb.connect(str(built.warehouse), read_only=True) as warehouse:
        [(event, device, user, whose, moment)] = warehouse.execute(LAST_LOGGED_IN).fetchall()
    row = read_rows("web", "pages")[0] | {"id": "late", "anonymous_id": device, "user_id": user}
    row["timestamp"] = f"{moment - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    row |= dict.fromkeys(("received_at", "uuid_ts"), f"{MOMENTS[0]}Z")
    write_rows(tmp_path / "landed", "web", "pages", row)
    for workspace in (followed, rebuilt):
        land(workspace, tmp_path / "landed", MOMENTS[0])
    rebuild(rebuilt, MOMENTS[0])
    batch = take_up(warm, followed, MOMENTS[0])
    graph = Graph(published(built), datetime.fromisoformat(MOMENTS[0]))
    assert set(batch["models"]) == graph.following - KEPT
    with duckdb.connect(str(followed.warehouse), read_only=True) as warehouse:
        said = f"select person_id from marts.events where event_id = '{event}'"
        assert warehouse.execute(said).fetchall() == [(whose,)]
    assert differences(followed.warehouse, rebuilt.warehouse, graph) == {}


def test_a_full_build_after_micro_batches_changes_nothing(
    built: Workspace, tmp_path: Path, warm: WarmDbt
) -> None:
    followed = built.copy(tmp_path / "followed")
    Visits(seed=5).write(tmp_path / "landed", datetime.fromisoformat(MOMENTS[0]), 60)
    land(followed, tmp_path / "landed", MOMENTS[0])
    take_up(warm, followed, MOMENTS[0])
    again = followed.copy(tmp_path / "again")
    rebuild(again, MOMENTS[0])
    graph = Graph(published(built), datetime.fromisoformat(MOMENTS[0]))
    assert differences(followed.warehouse, again.warehouse, graph) == {}


def test_a_batch_that_fails_leaves_the_warehouse_as_it_was(
    built: Workspace, tmp_path: Path, warm: WarmDbt
) -> None:
    followed = built.copy(tmp_path / "followed")
    Visits(seed=3).write(tmp_path / "landed", datetime.fromisoformat(MOMENTS[0]), 60)
    land(followed, tmp_path / "landed", MOMENTS[0])
    before = followed.copy(tmp_path / "before")
    graph = Graph(published(built), datetime.fromisoformat(MOMENTS[0]))
    # The last thing to be written: everything else has been by then.
    with duckdb.connect(str(followed.warehouse)) as warehouse:
        warehouse.execute("alter table ops.dbt_results rename to elsewhere")

    command = warm.take_up(
        followed.folder / "manifest.json",
        datetime.fromisoformat(MOMENTS[0]),
        os.environ | followed.environment,
    )
    said = b"".join(command).decode()

    assert command.wait() != 0
    assert "dbt_results" in said
    assert differences(followed.warehouse, before.warehouse, graph) == {}
    with duckdb.connect(str(followed.warehouse)) as warehouse:
        warehouse.execute("alter table ops.elsewhere rename to dbt_results")
    assert take_up(warm, followed, MOMENTS[0])["landed"] == 70


def test_nothing_new_is_no_batch(built: Workspace, tmp_path: Path, warm: WarmDbt) -> None:
    followed = built.copy(tmp_path / "followed")
    batch = take_up(warm, followed, "2026-11-01T00:00:00")
    assert (batch["landed"], batch["people"], batch["models"]) == (0, 0, [])


def test_a_model_that_looks_at_everybody_at_once_is_refused(built: Workspace) -> None:
    manifest = published(built)
    manifest["nodes"]["model.seamline.people"]["language"] = "python"
    graph = Graph(manifest, datetime.fromisoformat(MOMENTS[0]))
    with pytest.raises(SeamlineError, match=r"people\.sql looks at everybody at once"):
        _ = graph.path
