"""Profiles in a real Redis: found by person and by cookie, equal to the warehouse's row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from reverse_etl.channel.batch import Batch, Operation, Record
from reverse_etl.contract.project import Project
from reverse_etl.destinations.redis import RedisRefused, destination
from reverse_etl.readback.probing import probe_syncs
from tests.reverse_etl.destinations.servers import redis_server
from tests.reverse_etl.world import World

redis = pytest.importorskip("redis", reason="the driver is not installed")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def site(url: str) -> Any:
    """What a web site sees: an empty Redis."""
    client = redis.Redis.from_url(url)
    client.flushall()
    return client


def batch(url: str, operation: Operation, rows: dict[str, Any], run: str = "run1") -> Batch:
    records = [Record(key, operation, fields) for key, fields in rows.items()]
    settings = {"URL": url}
    return Batch("people", run, f"{run}-{operation}", "profiles", "mirror", operation, records,
                 settings)  # fmt: skip


def deliver(*batches: Batch) -> None:
    for each in batches:
        assert {v.status for v in destination.write(each)} == {"acknowledged"}
    destination.commit("people", batches[0].run_id, batches[0].settings)


def visit(site: Any, cookie: str) -> Any:
    """What a site does for a visitor of whom it knows the cookie alone."""
    key = site.get(f"people:anonymous:{cookie}")
    return key and orjson.loads(site.get(f"people:person:{key.decode()}"))


ADA = {"segment": "vip", "anonymous_ids": ["a1", "a2"]}
BEN = {"segment": "new", "anonymous_ids": '["b1"]'}


def test_a_profile_is_found_by_person_and_by_cookie(url: str, site: Any) -> None:
    first = batch(url, "add", {"p1": ADA, "p2": BEN})
    destination.write(first)
    assert visit(site, "a1") is None, "nothing is seen before the commit"
    deliver(first)
    assert visit(site, "a2") == ADA
    assert visit(site, "b1") == BEN
    assert orjson.loads(site.get("people:person:p1")) == ADA
    assert len(site.keys("*")) == 5, "nothing is left of what was staged"
    before = {key: site.get(key) for key in site.keys("*")}
    destination.commit("people", "run1", {"URL": url})
    assert {key: site.get(key) for key in site.keys("*")} == before


def test_ids_that_move_or_go_are_found_where_they_are(url: str, site: Any) -> None:
    deliver(batch(url, "add", {"p1": ADA, "p2": BEN}))
    moved = {"p1": ADA | {"anonymous_ids": ["a1"]}, "p2": BEN | {"anonymous_ids": ["b1", "a2"]}}
    deliver(batch(url, "change", moved, "run2"))
    assert (visit(site, "a1"), visit(site, "a2")) == (moved["p1"], moved["p2"])
    # Its id went to somebody else, so that it must not go with this one.
    deliver(batch(url, "add", {"p3": {"anonymous_ids": ["a1"]}}, "run3"))
    deliver(batch(url, "remove", {"p1": {}}, "run4"))
    assert visit(site, "a1") == {"anonymous_ids": ["a1"]}
    assert site.get("people:person:p1") is None
    deliver(batch(url, "remove", {"p2": {}, "p3": {}}, "run5"))
    assert site.keys("*") == []


def test_a_server_that_does_not_let_us_in_is_named_without_the_password(url: str) -> None:
    wrong = url.replace("s3cret", "wr0ng")
    with pytest.raises(RedisRefused, match="sync 'people'") as refused:
        destination.write(batch(wrong, "add", {"p1": ADA}))
    assert "wr0ng" not in str(refused.value)
    with pytest.raises(RedisRefused, match="URL of destination 'redis' is not set"):
        destination.write(batch("sandbox", "add", {"p1": ADA}))


def test_whether_it_lets_us_in_is_asked_without_a_walk_through_its_keys(
    url: str, site: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.mset({f"others:{number}": "" for number in range(1_000)})
    world.declare("people", "mirror", destination="redis", object="profiles", match=None)
    for address, status in ((url, "good"), (url.replace("s3cret", "wr0ng"), "bad")):
        site.config_resetstat()
        monkeypatch.setenv("REDIS_URL", address)
        (found,) = probe_syncs(Project.load(), ["people"])
        assert found.status == status
        assert "cmdstat_scan" not in site.info("commandstats")
    assert "sync 'people'" in found.detail and "wr0ng" not in found.detail
    assert site.dbsize() == 1_000


def test_who_takes_consent_back_is_no_longer_personalised(
    url: str, site: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    world.declare("people", "mirror", destination="redis", object="profiles", match=None,
                  purpose="newsletter", guards={"max_removed_fraction": 1.0})  # fmt: skip
    rows = [("p1", "ada@example.com", "Ada", 5), ("p2", "ben@example.com", "Ben", 7)]
    world.contacts(rows, "people")
    world.consent("p1", "p2")
    assert world.run("people").added == 2
    profile = orjson.loads(site.get("people:person:p1"))
    assert profile == {"email": "ada@example.com", "name": "Ada", "score": 5}
    world.consent("p1", state="denied")
    assert world.run("people").removed == 1
    assert site.keys("*") == [b"people:person:p2"]
    held = {found.key: dict(found.fields) for found in destination.read("people", {"URL": url})}  # type: ignore[attr-defined]
    assert set(held) == {"p2"}
