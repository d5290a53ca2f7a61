"""Plans for the people whom micro-batches have touched, and for nobody else."""

from __future__ import annotations

from datetime import datetime

from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people

EARLIER, NOW = datetime(2026, 10, 31, 23), datetime(2026, 11, 1)


def touch(world: World, *rows: tuple[datetime, str]) -> None:
    world.sql(
        "create table if not exists ops.touched_people (moment timestamp, person_id text)",
        *(f"insert into ops.touched_people values ('{at}', '{person}')" for at, person in rows),
    )


def test_only_the_touched_are_planned_and_the_rest_waits_for_the_full_plan(
    world: World, channel: Recorder
) -> None:
    world.declare(mode="mirror")
    world.contacts(people(25))
    world.run()
    # Three change, one comes and two go; of each kind somebody was touched, and somebody was not.
    rows = [(p, e, n, s + 100 if p in {"p1", "p2", "p3"} else s) for p, e, n, s in people(25)]
    rows = [row for row in rows if row[0] not in {"p8", "p9"}]
    world.contacts([*rows, ("p90", "p90@example.com", "Ninety", 90)])
    touch(world, (EARLIER, "p2"), (NOW, "p1"), (NOW, "p8"), (NOW, "p90"))
    channel.clear()

    result = world.run(touched_since=NOW)
    assert (result.added, result.changed, result.removed) == (1, 1, 1)
    assert channel.held["p1"]["score"] == 101
    assert channel.held["p2"]["score"] == 2
    assert "p8" not in channel.held
    assert "p9" in channel.held
    assert channel.held["p90"]["name"] == "Ninety"

    assert world.run(touched_since=EARLIER).changed == 1
    assert channel.held["p2"]["score"] == 102

    rest = world.run()
    assert (rest.added, rest.changed, rest.removed) == (0, 1, 1)
    assert channel.held.keys() == {row[0] for row in rows} | {"p90"}


def test_a_guard_looks_at_the_touched_as_well(world: World, channel: Recorder) -> None:
    world.declare(mode="mirror", guards={"max_removed_count": 1})
    world.contacts(people(25))
    world.run()
    world.contacts(people(20))
    touch(world, *((NOW, f"p{number}") for number in range(20, 25)))
    channel.clear()
    refused = world.run(touched_since=NOW)
    assert refused.status == "refused"
    assert channel.times == []
