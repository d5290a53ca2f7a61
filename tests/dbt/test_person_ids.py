"""A person_id is for good: four days on which people appear, merge, part and lose their name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.dbt.given import give
from tests.dbt.histories import SOURCE, History, Record


def named_after(kind: str, value: str) -> str:
    return hashlib.md5(f"{kind}:{value}".encode()).hexdigest()


def of(**identifiers: str | None) -> Record:
    return Record(list(identifiers.items()))


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[History]]:
    """The warehouse as it stood at the end of each day; a copy each."""
    folder = tmp_path_factory.mktemp("days")
    history = History(Workspace(folder / "live"))
    history.workspace.folder.mkdir()
    evenings = []

    def evening(date: str) -> None:
        kept = history.workspace.copy(folder / date)
        evenings.append(
            History(kept, dict(history.records), list(history.decisions), history.variables)
        )

    history.day(
        "2026-11-01",
        {
            "tie": of(user_id="tie", email="tie@example.org"),
            "single": of(email="single@example.org"),
            "nothing": of(email=None, user_id=" "),
            "first": of(user_id="first"),
            "pair/one": of(user_id="one", zendesk_user_id="z1"),
            "late": of(user_id="late"),
            "renamed": of(email="a@example.org", hubspot_contact_id="h1"),
            "renamed/ticket": of(hubspot_contact_id="h1", zendesk_user_id="z9"),
            "leaves": of(email="leaves@example.org", user_id="leaves"),
        },
    )
    evening("2026-11-01")
    history.day(
        "2026-11-02",
        {
            "second": of(user_id="second"),
            "pair/two": of(user_id="two"),
            "pair/bridge": of(user_id="two", zendesk_user_id="z1"),
            # Older by what it says, but it arrives after the id was given out.
            "late/older": Record(
                [("email", "late@example.org"), ("user_id", "late")], seen="2020-01-01"
            ),
            "renamed": of(email="b@example.org", hubspot_contact_id="h1"),
        },
        gone=["leaves"],
    )
    evening("2026-11-02")
    history.day(
        "2026-11-03",
        {
            "third": of(user_id="third"),
            "chain/first": of(user_id="first", shop_customer_id="c1"),
            "chain/second": of(shop_customer_id="c1", user_id="second"),
        },
        gone=["pair/bridge"],
    )
    evening("2026-11-03")
    history.day(
        "2026-11-04",
        {
            "chain/third": of(user_id="third", loyalty_id="l1"),
            "chain/between": of(loyalty_id="l1", user_id="second"),
            "pair/again": of(user_id="two", zendesk_user_id="z1"),
            "came back": of(email="a@example.org"),
        },
    )
    evening("2026-11-04")
    yield evenings


def test_what_arrives_together_is_named_in_byte_order(days: list[History]) -> None:
    people = days[0].people()
    assert people["email", "tie@example.org"] == people["user_id", "tie"]
    assert people["user_id", "tie"] == named_after("email", "tie@example.org")
    assert people["email", "single@example.org"] == named_after("email", "single@example.org")


def test_a_record_that_says_nothing_is_nobody(days: list[History]) -> None:
    assert not days[0].rows("select 1 from marts.person_records where source_id = 'nothing'")
    assert all(value.strip() for _, value in days[0].people())


def test_older_evidence_that_arrives_later_changes_no_id(days: list[History]) -> None:
    for evening in days:
        assert evening.people()["user_id", "late"] == named_after("user_id", "late")
    assert days[1].people()["email", "late@example.org"] == named_after("user_id", "late")


def test_a_chain_of_merges_ends_at_the_eldest(days: list[History]) -> None:
    first, second, third = (named_after("user_id", name) for name in ("first", "second", "third"))
    people = days[3].people()
    assert {people["user_id", name] for name in ("first", "second", "third")} == {first}
    resolved = dict(
        days[3].rows(
            "select person_id, current_person_id from intermediate.int_person_ids_resolved"
        )
    )
    assert resolved[second] == resolved[third] == resolved[first] == first
    assert [change for change in days[3].changes() if change[1] == second] == [
        ("created", second, None, second, "crm/second"),
        ("merged", second, second, first, "crm/chain/second"),
    ]
    assert [change for change in days[3].changes() if change[1] == third] == [
        ("created", third, None, third, "crm/third"),
        ("merged", third, third, first, "crm/chain/third"),
    ]


def test_merged_split_and_merged_again(days: list[History]) -> None:
    one, two = named_after("user_id", "one"), named_after("user_id", "two")
    assert [evening.people()["user_id", "two"] for evening in days[1:]] == [one, two, one]
    assert [change[:4] for change in days[3].changes() if two in change[1:2]] == [
        ("split", two, one, two),
        ("merged", two, two, one),
    ]


def test_a_change_says_since_when_it_holds_and_when_it_was_seen(days: list[History]) -> None:
    """What a record brought holds since that arrived; what a loss undid, since it was found out."""
    two, second = named_after("user_id", "two"), named_after("user_id", "second")
    told = days[3].rows(
        "select change, evidence, effective_at::text, recorded_at::text"
        " from marts.identity_changes where person_id in (?, ?) order by recorded_at, change",
        two,
        second,
    )
    assert told == [
        ("created", "crm/second", "2026-11-02 00:00:00", "2026-11-02 12:00:00"),
        ("merged", "crm/chain/second", "2026-11-03 00:00:00", "2026-11-03 12:00:00"),
        ("split", "withdrawn", "2026-11-03 12:00:00", "2026-11-03 12:00:00"),
        ("merged", "crm/pair/again", "2026-11-04 00:00:00", "2026-11-04 12:00:00"),
    ]


def test_the_figures_count_merges_and_splits_day_by_day(
    days: list[History], tmp_path: Path
) -> None:
    history = History(days[3].workspace.copy(tmp_path / "figures"))
    give(history.workspace, people=[])
    variables = json.dumps({"sources": [SOURCE]})
    history.workspace.dbt("run", "--vars", variables, "--select", "identity_quality")
    figures = history.rows(
        "select subject, metric, figure from marts.identity_quality"
        " where metric in ('created', 'merged', 'split') order by all"
    )
    assert figures == [
        ("2026-11-01", "created", 7),
        ("2026-11-02", "created", 1),
        ("2026-11-03", "created", 1),
        ("2026-11-03", "merged", 1),
        ("2026-11-03", "split", 1),
        ("2026-11-04", "merged", 2),
        ("2026-11-04", "split", 1),
    ]


def test_the_map_tells_who_it_was_when(days: list[History]) -> None:
    one, two = named_after("user_id", "one"), named_after("user_id", "two")
    spans = days[3].rows(
        "select person_id, valid_from::date::text, valid_to::date::text, is_current"
        " from marts.identity_person_map where identifier_key = ? order by valid_from",
        two,
    )
    assert spans == [
        (one, "2026-11-02", "2026-11-03", False),
        (two, "2026-11-03", "2026-11-04", False),
        (one, "2026-11-04", None, True),
    ]
    current = days[3].rows("select count(*) from marts.identity_person_map where is_current")
    assert current == days[3].rows("select count(*) from marts.identities")


def test_a_person_outlives_what_named_them(days: list[History]) -> None:
    """An address is replaced; the person, known by another number, keeps the id made from it."""
    name = named_after("email", "a@example.org")
    for evening in days[1:3]:
        people = evening.people()
        assert ("email", "a@example.org") not in people
        assert people["email", "b@example.org"] == people["hubspot_contact_id", "h1"] == name


def test_the_holder_of_the_name_keeps_the_id(days: list[History]) -> None:
    name = named_after("email", "a@example.org")
    people = days[3].people()
    assert people["email", "a@example.org"] == name
    others = {people["email", "b@example.org"], people["hubspot_contact_id", "h1"]}
    assert len(others) == 1
    assert name not in others


def test_who_left_is_remembered_but_is_nobody(days: list[History]) -> None:
    name = named_after("email", "leaves@example.org")
    assert name not in days[3].people().values()
    assert days[3].rows(
        "select current_person_id, component_id from intermediate.int_person_ids_resolved"
        " where person_id = ?",
        name,
    ) == [(name, None)]


def test_no_identifier_stays_in_the_memory(days: list[History]) -> None:
    kept = days[3].rows("select * from intermediate.int_person_ids_registered")
    assert not [row for row in kept if "leaves" in str(row) or "@" in str(row)]


def test_every_id_survives_a_rebuild_without_memory(days: list[History], tmp_path: object) -> None:
    """Where nothing was withdrawn: what is forgotten is only what is no longer there to be told."""
    people = days[3].people()
    forgotten = days[3].forget(days[3].workspace.folder / "forgotten", "2026-11-04").people()
    assert forgotten.keys() == people.keys()
    withdrawn = {people["hubspot_contact_id", "h1"]}
    assert {key: person for key, person in forgotten.items() if people[key] not in withdrawn} == {
        key: person for key, person in people.items() if person not in withdrawn
    }
