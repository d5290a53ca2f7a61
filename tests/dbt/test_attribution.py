"""Whose an anonymous visit is: the device's at first, the person's once they log in."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.conftest import Workspace
from tests.extracts import write_rows

DEVICE, USER = "a-of-the-late-visitor", "u-of-the-late-visitor"
MODELS = [
    "path:models/staging/web",
    "path:models/intermediate/identity",
    "identities",
    "identity_changes",
    "int_devices_logged_in",
    "int_events_attributed",
]
Attributed = dict[str, tuple[str | None, str | None]]


def seen(event_id: str, occurred_at: str, received_at: str, **columns: str) -> dict[str, str]:
    return {
        "id": event_id,
        "anonymous_id": DEVICE,
        "timestamp": occurred_at,
        "original_timestamp": occurred_at,
        "sent_at": received_at,
        "received_at": received_at,
        "uuid_ts": received_at,
        **columns,
    }


@pytest.fixture(scope="module")
def evenings(
    built: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Attributed, Attributed, str]:
    """Each event's person and the person known at the time, on two evenings; and who logged in."""
    folder = tmp_path_factory.mktemp("attribution")
    workspace = built.copy(folder / "workspace", SEAMLINE_AS_OF="2026-11-03T00:00:00")
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        ((address, customer),) = connection.execute(
            "select identifier_value, person_id from marts.identities"
            " where identifier_type = 'email' order by 1 limit 1"
        ).fetchall()

    first = seen("late-visit-1", "2026-11-01T08:00:00Z", "2026-11-01T08:00:05Z", path="/")
    write_rows(folder / "first", "web", "pages", first)
    before = attributed(workspace, folder / "first")

    login = seen("late-login", "2026-11-01T09:00:00Z", "2026-11-01T09:00:05Z", email=address)
    write_rows(folder / "second", "web", "identifies", {**login, "user_id": USER})
    # What the device kept to itself for a day: a visit before the login, and one after.
    earlier = seen("late-visit-0", "2026-11-01T07:00:00Z", "2026-11-02T10:00:00Z", path="/early")
    later = seen("late-visit-2", "2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z", path="/later")
    write_rows(folder / "second", "web", "pages", earlier, later)
    return before, attributed(workspace, folder / "second"), customer


def attributed(workspace: Workspace, extracts: Path) -> Attributed:
    workspace.seamline("load", str(extracts))
    workspace.dbt("run", "--select", *MODELS)
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select event_id, person_id, known_person_id from intermediate.int_events_attributed"
            " where anonymous_id = ?",
            [DEVICE],
        ).fetchall()
    return {event.rpartition("/")[2]: (person, known) for event, person, known in rows}


def test_before_any_login_a_visit_is_the_device_s(
    evenings: tuple[Attributed, Attributed, str],
) -> None:
    before, _, customer = evenings
    ((person, known),) = before.values()
    assert person not in (None, customer)
    assert known is None


def test_a_login_takes_in_what_came_before_even_what_arrives_later(
    evenings: tuple[Attributed, Attributed, str],
) -> None:
    _, after, customer = evenings
    assert {event: person for event, (person, _) in after.items()} == dict.fromkeys(
        ("late-visit-0", "late-visit-1", "late-visit-2"), customer
    )


def test_what_was_known_at_the_time_can_still_be_told(
    evenings: tuple[Attributed, Attributed, str],
) -> None:
    _, after, customer = evenings
    assert {event: known for event, (_, known) in after.items()} == {
        "late-visit-0": None,
        "late-visit-1": None,
        "late-visit-2": customer,
    }
