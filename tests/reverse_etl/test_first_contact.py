"""A channel in use: what is there stays theirs, and what we do can be tried, compared, undone."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from reverse_etl.contract.manifest import Relation
from reverse_etl.errors import SeamlineError
from reverse_etl.readback.adopt import adopt_sync
from reverse_etl.readback.reconcile import reconcile_sync
from reverse_etl.sync import Undo, plan_sync
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.test_options import by_hand, contacts, declare, fill, rows
from tests.reverse_etl.world import MEMBER_COLUMNS, QUICK, World, people

LISTED = {name: kind for name, kind in MEMBER_COLUMNS.items() if name != "city"}


def archive(sandbox: Any, email: str) -> None:
    """Delete a contact as somebody at HubSpot would."""
    found = sandbox.state("hubspot")["contacts"].items()
    (key,) = [key for key, contact in found if contact["properties"]["email"] == email]
    url = f"{sandbox.url}/hubspot/crm/v3/objects/contacts/{key}"
    headers = {"Authorization": "Bearer somebody"}
    assert requests.delete(url, headers=headers, timeout=10).status_code == 204


def at_klaviyo(sandbox: Any, path: str, body: Any, method: str = "POST") -> Any:
    """Say something to Klaviyo as somebody else would."""
    headers = {
        "Authorization": "Klaviyo-API-Key somebody",
        "revision": "2026-07-15",
        "Content-Type": "application/vnd.api+json",
    }
    url = f"{sandbox.url}/klaviyo/api/{path}"
    answer = requests.request(method, url, json={"data": body}, headers=headers, timeout=10)
    assert answer.ok, answer.text
    return answer.json()["data"] if answer.content else None


def list_by_hand(sandbox: Any, name: str, *emails: str) -> None:
    made = at_klaviyo(sandbox, "lists", {"type": "list", "attributes": {"name": name}})
    profiles = [{"type": "profile", "attributes": {"email": email}} for email in emails]
    job = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": profiles}}}
    job["relationships"] = {"lists": {"data": [{"type": "list", "id": made["id"]}]}}
    at_klaviyo(sandbox, "profile-bulk-import-jobs", job)


def members(sandbox: Any, name: str) -> set[str]:
    found = sandbox.state("klaviyo")["audiences"][name]["members"]
    return {member["email"] for member in found}


def declare_list(world: World, *names: str) -> None:
    world.declare(
        "lists",
        "audience",
        destination="klaviyo",
        object="list_members",
        columns=LISTED,
        purpose="newsletter",
    )
    world.consent("ada", "ben", "cem", "eva")
    fill_list(world, *names)


def fill_list(world: World, *names: str) -> None:
    table = [(n, "cart", "Cart left", "newsletter", f"{n}@example.com") for n in names]
    world.rows("activation.sync_lists", table, ", ".join(f"{name} text" for name in LISTED))


def test_what_the_channel_holds_is_not_sent_again(anywhere: World, sandbox: Any) -> None:
    world = anywhere
    for number in range(150):
        by_hand(sandbox, f"stranger{number}@example.com", city="Rome")
    by_hand(sandbox, "Ada@example.com", firstname="Ada", city="Berlin", jobtitle="Buyer")
    by_hand(sandbox, "ben@example.com", firstname="Ben", city="Oslo")
    declare(world)
    fill(world, rows("ada", "ben", "cem"))
    found = adopt_sync(world.project(), "people", QUICK)
    assert (found.listed, found.alike, found.unlike, found.foreign) == (152, 1, 1, 150)
    plan = world.plan("people")
    assert (plan.added, plan.changed) == (1, 1)
    assert adopt_sync(world.project(), "people", QUICK).known == 152
    result = world.run("people")
    assert (result.status, result.acknowledged) == ("done", 2)
    assert contacts(sandbox)["ben@example.com"]["city"] == "Berlin"
    assert world.run("people").requests == 0
    kept = world.ledger("select count(*) from sync_snapshot where match like '%stranger%'")
    assert kept == [(0,)], "addresses of people we do not send are kept as hashes only"


def test_members_that_somebody_else_put_there_are_never_removed(
    anywhere: World, sandbox: Any
) -> None:
    world = anywhere
    list_by_hand(sandbox, "Cart left", "ada@example.com", "eva@example.com", "zoe@example.com")
    declare_list(world, "ada", "ben", "cem")
    found = adopt_sync(world.project(), "lists", QUICK)
    assert (found.listed, found.alike, found.foreign) == (3, 1, 2)
    assert world.plan("lists").added == 2
    world.run("lists")
    everybody = {f"{n}@example.com" for n in ("ada", "ben", "cem", "eva", "zoe")}
    assert members(sandbox, "Cart left") == everybody
    fill_list(world, "ben", "eva")
    assert world.run("lists").removed == 1
    assert members(sandbox, "Cart left") == everybody - {"cem@example.com"}
    fill_list(world, "ben")
    assert world.run("lists").removed == 0
    assert members(sandbox, "Cart left") == everybody - {"cem@example.com"}
    world.consent("ada", "eva", state="denied")
    assert world.run("lists").removed == 0


def test_drift_at_the_channel_becomes_planned_work(anywhere: World, sandbox: Any) -> None:
    world = anywhere
    declare(world, keep_edits=["firstname"])
    fill(world, rows("ada", "ben", "cem"))
    world.run("people")
    by_hand(sandbox, "ben@example.com", city="Oslo", firstname="Benny")
    by_hand(sandbox, "zoe@example.com")
    archive(sandbox, "cem@example.com")
    assert world.plan("people").is_empty
    found = reconcile_sync(world.project(), "people", QUICK)
    assert (found.missing, found.edited, found.foreign, found.fields) == (1, 1, 1, {"city": 1})
    plan = world.plan("people")
    assert (plan.added, plan.changed) == (1, 1)
    assert world.run("people").acknowledged == 2
    assert contacts(sandbox)["ben@example.com"]["city"] == "Berlin"
    assert contacts(sandbox)["ben@example.com"]["firstname"] == "Benny"
    assert set(contacts(sandbox)) == {f"{n}@example.com" for n in ("ada", "ben", "cem", "zoe")}
    again = reconcile_sync(world.project(), "people", QUICK)
    assert (again.missing, again.edited) == (0, 0)


def test_a_member_taken_out_by_hand_comes_back(world: World, sandbox: Any) -> None:
    declare_list(world, "ada", "ben")
    world.run("lists")
    (item,) = sandbox.state("klaviyo")["lists"].values()
    member = next(iter(item["members"]))
    path = f"lists/{item['id']}/relationships/profiles"
    at_klaviyo(sandbox, path, [{"type": "profile", "id": member}], "DELETE")
    assert reconcile_sync(world.project(), "lists", QUICK).missing == 1
    assert world.run("lists").added == 1
    assert members(sandbox, "Cart left") == {"ada@example.com", "ben@example.com"}


def test_a_file_that_was_touched_is_written_again(world: World) -> None:
    world.declare("copies", "mirror", destination="files", object="csv", match=None)
    world.contacts(people(4), "copies")
    world.run("copies")
    path = world.home / "outbox" / "copies" / "copies.csv"
    content = path.read_text()
    path.write_text(content.replace("Person 2", "Somebody"))
    found = reconcile_sync(world.project(), "copies", QUICK)
    assert (found.held, found.listed, found.missing) == (4, 3, 1)
    assert world.run("copies").added == 1
    assert path.read_text() == content


def test_another_account_is_no_drift(world: World, sandbox: Any) -> None:
    declare(world)
    fill(world, rows("ada"))
    world.run("people")
    archive(sandbox, "ada@example.com")
    with pytest.raises(SeamlineError, match=r"HubSpot lists none of the 1 records.*right account"):
        reconcile_sync(world.project(), "people", QUICK)
    assert world.plan("people").is_empty


@pytest.mark.parametrize("do", [adopt_sync, reconcile_sync])
def test_a_channel_that_lists_nothing_says_so(world: World, do: Any) -> None:
    world.declare(
        "ads",
        "audience",
        destination="meta",
        object="custom_audience_members",
        columns=LISTED,
        purpose="ads",
    )
    with pytest.raises(SeamlineError, match="Meta does not tell what its custom_audience_members"):
        do(world.project(), "ads", QUICK)


def test_a_channel_that_fails_to_list_changes_nothing(world: World, sandbox: Any) -> None:
    declare(world)
    fill(world, rows("ada"))
    sandbox.fail("hubspot", "error_before", times=9)
    with pytest.raises(SeamlineError, match="HubSpot does not answer: 500"):
        adopt_sync(world.project(), "people", QUICK)
    assert world.ledger("select count(*) from sync_snapshot") == [(0,)]
    assert list(world.home.glob("listing-*")) == []


def test_only_one_record_leaves_and_it_must_exist(world: World, sandbox: Any) -> None:
    declare(world)
    fill(world, rows("ada", "ben"))
    assert world.run("people", only="ben").acknowledged == 1
    assert set(contacts(sandbox)) == {"ben@example.com"}
    with pytest.raises(SeamlineError, match=r"--only: no record of sync 'people' has the key 'bet"):
        world.run("people", only="bet")
    assert world.run("people", only="ben").status == "done"


def test_a_run_can_be_taken_back(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    world.declare("copies", "mirror", guards={"max_removed_fraction": None})
    before = [*people(3), ("old", "old@example.com", "Old", 1)]
    world.contacts(before, "copies")
    world.run("copies")
    was = dict(channel.held)
    world.contacts([("p0", "p0@example.com", "Wrong", 9), *people(2, 1), *people(2, 7)], "copies")
    wrong = world.run("copies")
    assert (wrong.added, wrong.changed, wrong.removed) == (2, 1, 1)
    plan = plan_sync(world.project(), "copies", undo=Undo(wrong.run_id))
    assert (plan.removed, plan.added, plan.changed, plan.held_back) == (2, 0, 0, 2)
    reason = "cannot be undone: its former values are not in activation.sync_copies"
    assert dict(plan.held_reasons) == {reason: 2}
    world.contacts(before, "earlier")
    undo = Undo(wrong.run_id, Relation("activation", "sync_earlier"))
    result = world.run("copies", undo=undo)
    assert (result.status, result.removed, result.added, result.changed) == ("done", 2, 1, 1)
    assert channel.held == was
    assert world.ledger("select undoes from sync_runs where undoes is not null") == [
        (wrong.run_id,)
    ]
    again = plan_sync(world.project(), "copies", undo=undo)
    assert dict(again.held_reasons) == {"cannot be undone: a later run has touched it": 4}
    world.contacts(before, "copies")
    assert world.run("copies").requests == 0


def test_what_cannot_be_taken_back_is_said(world: World, channel: Recorder) -> None:
    world.declare("events", "append", purpose="orders")
    world.contacts(people(2), "events")
    sent = world.run("events")
    plan = plan_sync(world.project(), "events", undo=Undo(sent.run_id))
    assert dict(plan.held_reasons) == {"cannot be undone: an event is sent for good": 2}
    world.declare()
    world.contacts(people(2))
    added = world.run()
    plan = plan_sync(world.project(), "contacts", undo=Undo(added.run_id))
    assert dict(plan.held_reasons) == {"cannot be undone: an upsert leaves what it added": 2}
    with pytest.raises(SeamlineError, match="'nothing' is no run of sync 'contacts'"):
        plan_sync(world.project(), "contacts", undo=Undo("nothing"))
