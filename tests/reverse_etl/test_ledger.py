"""A ledger of an older version is brought up to this one, and tells the same."""

from __future__ import annotations

import hashlib

from reverse_etl.ledger import tables
from reverse_etl.warehouse.dialect import IN_DOUBT
from reverse_etl.warehouse.opening import open_warehouse
from tests.reverse_etl.recorder import Recorder
from tests.reverse_etl.world import World, people

OLD = "0123456789abcdef" * 2


def test_an_older_ledger_is_brought_up_to_date(anywhere: World, channel: Recorder) -> None:
    world = anywhere
    world.declare("contacts", "mirror")
    world.contacts(people(3))
    profile = world.project().profile
    with open_warehouse(profile, world.home) as warehouse, warehouse.transaction():
        if warehouse.dialect.name != "duckdb":
            warehouse.execute("create schema sync")
        for statement in (s for step in tables.MIGRATIONS[:2] for s in step):
            warehouse.execute(tables._stored(statement, warehouse.dialect))
        warehouse.execute("create table sync.sync_schema (version bigint)")
        warehouse.execute("insert into sync.sync_schema values (1), (2)")
        warehouse.execute(
            "insert into sync.sync_runs (run_id, run_number, sync, destination, status, started_at,"
            " finished_at) values ('before', 7, 'contacts', 'tester', 'done', "
            "timestamp '2026-10-01 10:00:00', timestamp '2026-10-01 10:00:02')"
        )
        for key, fingerprint in (("p0", OLD), ("p9", "")):
            warehouse.execute(
                "insert into sync.sync_snapshot (sync, audience, key, purpose, fingerprint, "
                f"field_names, run_id) values ('contacts', '', '{key}', 'service', "
                f"'{fingerprint}', 'email,name,score', 'before')"
            )
        warehouse.execute(
            "insert into sync.sync_changelog (run_id, sync, destination, audience, key, "
            "operation, fingerprint, status) values ('before', 'contacts', 'tester', '', 'p0', "
            f"'add', '{OLD}', 'acknowledged')"
        )
    result = world.run()
    assert (result.status, result.added, result.changed, result.removed) == ("done", 2, 1, 1)
    assert world.ledger(
        "select run_id, destination, key, operation, cast(recorded_at as text) "
        "from sync_changelog where run_id = 'before'"
    ) == [("before", "tester", "p0", "add", "2026-10-01 10:00:02")]
    assert world.ledger("select max(run_number) from sync_runs") == [(8,)]
    assert world.ledger(
        f"select count(*) from sync_snapshot where fingerprint <> '{IN_DOUBT}' and run_number = 8"
    ) == [(3,)]
    assert world.run().requests == 0


def test_a_fingerprint_is_the_md5_of_what_is_sent(anywhere: World, channel: Recorder) -> None:
    """Both engines, and every release of them, must agree on it: a channel outlives them all."""
    world = anywhere
    world.declare("contacts", "mirror")
    world.contacts(people(1))
    world.run()
    text = "\x1f".join(("email\x1fname\x1fscore", "person0@example.com", "Person 0", "0"))
    expected = hashlib.md5(text.encode()).hexdigest()
    (found,) = world.ledger("select cast(fingerprint as text) from sync_snapshot")[0]
    assert found.replace("-", "") == expected


def test_what_only_hashes_otherwise_has_not_changed(anywhere: World, channel: Recorder) -> None:
    """Another version of an engine may hash otherwise: nothing is sent, and it is learnt once."""
    world = anywhere
    world.declare("contacts", "mirror")
    world.contacts(people(3))
    world.run()
    hashes = "select key, quick_hash from sync_snapshot order by key"
    known = world.ledger(hashes)
    with open_warehouse(world.project().profile, world.home) as warehouse:
        warehouse.execute("update sync.sync_snapshot set quick_hash = 7 where key <> 'p2'")
    world.contacts([*people(1), ("p1", "new@example.com", "Person 1", 1), *people(3)[2:]])
    result = world.run()
    assert (result.added, result.changed, result.acknowledged) == (0, 1, 1)
    assert [row for row in world.ledger(hashes) if row[0] != "p1"] == [known[0], known[2]]
    assert world.run().requests == 0


def test_a_change_is_seen_wherever_in_a_text_it_is(anywhere: World, channel: Recorder) -> None:
    """DuckDB's own hash takes one in 256 of these pairs of texts for the same."""
    world = anywhere
    world.declare("contacts", "mirror")
    names = [f"seventh{chr(number)}seventh{chr(number)}." for number in range(65, 91)]
    pairs = [(one, other) for one in names for other in names if one != other]
    for side in (0, 1):
        world.contacts([(f"p{n}", "a@example.com", pair[side], 1) for n, pair in enumerate(pairs)])
        result = world.run()
    assert result.changed == len(pairs)
