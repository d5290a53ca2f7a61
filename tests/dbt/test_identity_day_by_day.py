"""Random histories: what was resolved day by day is what a rebuild of the last day finds.

Each world is a handful of records with identifiers of its own; all worlds live in one graph, so
that one run of dbt resolves them all. In some of them records vanish again.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.dbt.histories import History, Identifier, Record

DAYS = [f"2026-11-{number:02d}" for number in range(1, 5)]
WORLDS = 90
TYPES = ("user_id", "loyalty_id", "email", "salesforce_id", "zendesk_user_id")


def value_of(kind: str, world: int, number: int) -> str:
    if kind == "email":
        return f"w{world}.{number}@example.org"
    if kind == "phone":
        return f"+49151200{world:03d}{number:02d}"
    return f"w{world}-{number}"


def draw(chance: random.Random, world: int) -> Record:
    """One to three identifiers out of few, so that worlds come together over the days.

    A phone turns out to be shared, and then no longer counts: only where things may vanish.
    """
    kinds = chance.sample([*TYPES, *["phone"] * loses_records(world)], chance.randint(1, 3))
    return Record([(kind, value_of(kind, world, chance.randint(0, 3))) for kind in kinds])


def loses_records(world: int) -> bool:
    return world % 2 == 1


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The warehouse after the last day, every day resolved upon the one before."""
    chance = random.Random(20261101)
    history = History(Workspace(tmp_path_factory.mktemp("worlds") / "live"))
    history.workspace.folder.mkdir()
    for date in DAYS:
        news = {
            f"w{world}/{date}/{number}": draw(chance, world)
            for world in range(WORLDS)
            for number in range(chance.randint(0, 3))
        }
        gone = [
            name
            for name in history.records
            if loses_records(int(name[1:].split("/")[0])) and chance.random() < 0.5
        ]
        history.day(date, news, gone=gone)
    return history


@pytest.fixture(scope="module")
def rebuilt(lived: History) -> History:
    return lived.forget(lived.workspace.folder.parent / "rebuilt", DAYS[-1])


def groups(people: Mapping[Identifier, str]) -> set[frozenset[Identifier]]:
    members = defaultdict(set)
    for identifier, person in people.items():
        members[person].add(identifier)
    return {frozenset(group) for group in members.values()}


def test_the_people_are_those_of_a_rebuild(lived: History, rebuilt: History) -> None:
    assert groups(lived.people()) == groups(rebuilt.people())


def test_components_are_those_of_a_rebuild(lived: History, rebuilt: History) -> None:
    query = "select * from intermediate.int_identity_components order by all"
    assert lived.rows(query) == rebuilt.rows(query)


def test_where_nothing_vanishes_the_ids_are_those_of_a_rebuild(
    lived: History, rebuilt: History
) -> None:
    def steady(people: Mapping[Identifier, str]) -> dict[Identifier, str]:
        return {
            (kind, value): person
            for (kind, value), person in people.items()
            if not loses_records(_world_of(kind, value))
        }

    assert len(steady(lived.people())) > 100
    assert steady(lived.people()) == steady(rebuilt.people())


def _world_of(kind: str, value: str) -> int:
    return int(value[9:12]) if kind == "phone" else int(value[1:].replace("-", ".").split(".")[0])


def test_the_days_were_eventful(lived: History) -> None:
    found = dict(lived.rows("select change, count(*) from marts.identity_changes group by change"))
    assert min(int(str(found[change])) for change in ("created", "merged", "split")) >= 3


def test_every_id_ever_given_out_leads_to_somebody_or_to_nobody_left(lived: History) -> None:
    """An id resolves in one step; only who has lost everything resolves to no component."""
    resolved = lived.rows(
        "select person_id, current_person_id, component_id"
        " from intermediate.int_person_ids_resolved"
    )
    current = {str(person): (str(now), where) for person, now, where in resolved}
    alive = set(lived.people().values())
    for now, where in current.values():
        assert current[now][0] == now, "an alias of an alias"
        assert (where is not None) == (now in alive)
    assert alive <= set(current)


def test_a_run_without_news_says_nothing(lived: History) -> None:
    count = (
        "select (select count(*) from intermediate.int_person_ids_registered),"
        " (select count(*) from marts.identity_changes)"
    )
    before = lived.rows(count)
    lived.day(DAYS[-1])
    assert lived.rows(count) == before


def test_the_changes_can_be_told_again(lived: History, tmp_path: Path) -> None:
    """The log of changes is read off the registry: lost, it comes back as it was."""
    query = (
        "select change_id, change, person_id, from_person_id, to_person_id, recorded_at"
        " from marts.identity_changes order by all"
    )
    copy = History(lived.workspace.copy(tmp_path / "copy"), dict(lived.records))
    assert copy.rows(query)
    copy.execute("drop table marts.identity_changes")
    copy.day(DAYS[-1])
    assert copy.rows(query) == lived.rows(query)
