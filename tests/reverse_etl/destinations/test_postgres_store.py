"""Tables in a real PostgreSQL: equal to what was sent, at once, and safe to repeat."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from reverse_etl.channel.batch import Batch, Operation, Record
from reverse_etl.destinations.postgres import PostgresRefused, destination
from tests.postgres.server import PostgresServer
from tests.reverse_etl.world import World


class Shop:
    """A database, and the sync ``people`` into it."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        self.server = server
        self.database = database
        url = f"postgresql://{server.user}@127.0.0.1:{server.port}/{database}"
        self.settings = {"URL": url, "SCHEMA": "public"}

    def sql(self, statement: str) -> str:
        return self.server.execute(statement, self.database).strip()

    def batch(
        self, operation: Operation, rows: dict[str, Any], run: str = "run1", **options: Any
    ) -> Batch:
        records = [Record(key, operation, fields) for key, fields in rows.items()]
        mode = "append" if operation == "append" else "mirror"
        name = options.pop("object", "rows")
        a_batch = Batch("people", run, f"{run}-{operation}", name, mode, operation, records,
                        self.settings)  # fmt: skip
        return replace(a_batch, **options)

    def deliver(self, *batches: Batch) -> dict[str, Any]:
        verdicts = {v.key: v for each in batches for v in destination.write(each)}
        destination.commit("people", batches[0].run_id, self.settings)
        return verdicts

    def held(self) -> dict[str, Any]:
        found = self.sql("select jsonb_object_agg(_key, to_jsonb(people) - '_key') from people")
        return json.loads(found) if found else {}


@pytest.fixture
def shop(postgres: PostgresServer) -> Iterator[Shop]:
    yield Shop(postgres, postgres.create_database(f"store_{uuid.uuid4().hex[:8]}"))


ADA = {"email": "ada@example.com", "score": 5, "active": True, "tags": ["a", "b"], "note": None}
BEN = {"email": "ben@example.com", "score": 1.5, "active": False, "tags": [], "note": "'; drop"}


def test_a_mirror_adds_changes_and_removes(shop: Shop) -> None:
    shop.deliver(shop.batch("add", {"p1": ADA, "p2": BEN}))
    assert shop.held() == {"p1": ADA, "p2": BEN}
    types = shop.sql("select pg_typeof(score), pg_typeof(active), pg_typeof(tags) from people")
    assert types.splitlines()[0] == "numeric|boolean|jsonb"
    changed = BEN | {"score": 2, "city": "Sampleton"}
    shop.deliver(
        shop.batch("change", {"p2": changed}, run="run2"),
        shop.batch("remove", {"p1": {}}, run="run2"),
    )
    assert shop.held() == {"p2": changed}
    assert shop.sql("select count(*) from _seamline_staged") == "0"
    read = {found.key: dict(found.fields) for found in destination.read("people", shop.settings)}
    assert read == {"p2": changed}


def test_readers_see_nothing_before_the_commit_and_a_repeat_changes_nothing(shop: Shop) -> None:
    first = shop.batch("add", {"p1": ADA})
    destination.write(first)
    destination.write(first)  # a crash, and again
    assert shop.held() == {}
    destination.commit("people", "run1", shop.settings)
    version = shop.sql("select xmin from people")
    destination.commit("people", "run1", shop.settings)
    shop.deliver(shop.batch("change", {"p1": ADA}, run="run2"))
    assert shop.held() == {"p1": ADA}
    assert shop.sql("select xmin from people") == version, "what is the same is not written"


def test_rows_that_the_table_refuses_stand_alone(shop: Shop) -> None:
    shop.sql("create table people (_key text primary key, email text unique not null, "
             "score integer check (score >= 0), born date)")  # fmt: skip
    rows = {
        "good": {"email": "good@example.com", "score": 3, "born": "1979-03-04"},
        "no date": {"email": "b@example.com", "score": 3, "born": "some day"},
        "no email": {"email": None, "score": 3, "born": None},
        "negative": {"email": "c@example.com", "score": -1, "born": None},
        "fine": {"email": "fine@example.com", "score": 0, "born": None},
    }
    verdicts = shop.deliver(shop.batch("add", rows))
    assert {key: v.status for key, v in verdicts.items() if v.status != "acknowledged"} == {
        "no date": "rejected",
        "no email": "rejected",
        "negative": "rejected",
    }
    assert (verdicts["no date"].code, verdicts["no email"].code) == ("22007", "23502")
    assert "violates check constraint" in verdicts["negative"].reason
    assert set(shop.held()) == {"good", "fine"}
    taken = {"twin": {"email": "good@example.com", "score": 1, "born": None}}
    assert shop.deliver(shop.batch("add", taken, run="run2"))["twin"].code == "23505"


def test_an_event_is_appended_once(shop: Shop) -> None:
    shop.deliver(shop.batch("append", {"e1": {"total": 5}}))
    shop.deliver(shop.batch("append", {"e1": {"total": 9}, "e2": {"total": 6}}, run="run2"))
    assert shop.held() == {"e1": {"total": 5}, "e2": {"total": 6}}


def test_a_profile_is_found_by_person_and_by_cookie(shop: Shop) -> None:
    rows = {
        f"person-{n}": {"segment": "vip", "anonymous_ids": [f"a-{n}", f"b-{n}"]} for n in range(500)
    }
    shop.deliver(shop.batch("add", rows, object="profiles"))
    query = "select _key from people where anonymous_ids ? 'b-7'"
    assert shop.sql(query) == "person-7"
    plan = shop.sql(f"set enable_seqscan = off; explain {query}")
    assert "people_anonymous_ids" in plan


def test_a_table_that_is_not_there_yet_is_read_as_empty(shop: Shop) -> None:
    assert list(destination.read("never_synced", shop.settings)) == []


def test_a_table_of_somebody_else_is_left_alone(shop: Shop) -> None:
    shop.sql("create table people (id int)")
    with pytest.raises(PostgresRefused, match="no column _key"):
        shop.deliver(shop.batch("add", {"p1": ADA}))


def test_a_server_that_does_not_let_us_in_is_named_without_the_password(shop: Shop) -> None:
    url = f"postgresql://nobody:s3cret@127.0.0.1:{shop.server.port}/nowhere"
    with pytest.raises(PostgresRefused) as refused:
        destination.write(replace(shop.batch("add", {"p1": ADA}), settings={"URL": url}))
    assert "s3cret" not in str(refused.value)
    with pytest.raises(PostgresRefused, match="URL of destination 'postgres' is not set"):
        destination.write(replace(shop.batch("add", {"p1": ADA}), settings={"URL": "sandbox"}))


def test_a_sync_of_the_engine_arrives_and_leaves(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URL", shop.settings["URL"])
    world.declare("contacts", "mirror", destination="postgres", object="rows", match=None)
    world.contacts([("p1", "ada@example.com", "Ada", 5), ("p2", "ben@example.com", None, 7)])
    assert world.run().status == "done"
    query = "select jsonb_object_agg(_key, to_jsonb(contacts) - '_key') from contacts"
    assert json.loads(shop.sql(query))["p2"] == {
        "email": "ben@example.com",
        "name": None,
        "score": 7,
    }
    world.contacts([("p1", "ada@example.com", "Ada L.", 5)])
    result = world.run(overrides=["removed_fraction"])
    assert (result.changed, result.removed) == (1, 1)
    assert shop.sql("select _key, name from contacts") == "p1|Ada L."


def test_who_takes_consent_back_is_no_longer_personalised(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URL", shop.settings["URL"])
    world.declare("people", "mirror", destination="postgres", object="profiles", match=None,
                  purpose="newsletter", guards={"max_removed_fraction": 1.0})  # fmt: skip
    world.contacts(
        [("p1", "ada@example.com", "Ada", 5), ("p2", "ben@example.com", "Ben", 7)], "people"
    )
    world.consent("p1", "p2")
    assert world.run("people").added == 2
    assert shop.held()["p1"] == {"email": "ada@example.com", "name": "Ada", "score": 5}
    world.consent("p1", state="denied")
    assert world.run("people").removed == 1
    assert shop.held() == {"p2": {"email": "ben@example.com", "name": "Ben", "score": 7}}
