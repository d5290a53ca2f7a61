"""Profiles in Redis: what a web site or an app reads, within a millisecond, to personalise.

``<sync>:person:<key>`` holds a profile as JSON: the row of the sync's model, consent and
suppression applied. ``<sync>:anonymous:<id>`` holds the person's key, for each id in the column
``anonymous_ids`` (a JSON list): a site that knows only its visitor's cookie asks for that first.
Where two people have the same id, the one written last is found.

Requires the extra ``redis`` and ``REDIS_URL``, ``redis://:password@host:port/0``.

    exposures:
      - name: redis_profiles
        type: application
        owner: {name: Shop, email: shop@example.com}
        depends_on: [ref('sync_redis_profiles')]
        config:
          meta:
            sync:
              destination: redis
              object: profiles
              mode: mirror
              key: [person_id]
              purpose: personalisation

Batches are staged in a hash of the run's; a commit applies it in one transaction of Redis, so that
a reader sees the profiles of one run or of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from reverse_etl.channel.batch import Batch, as_json
from reverse_etl.channel.destination import ChannelObject, Limits, Setting, Store
from reverse_etl.channel.exchange import Found, Verdict
from reverse_etl.conversation.edits import is_same
from reverse_etl.conversation.verdicts import acknowledged
from reverse_etl.errors import SeamlineError

IDS = "anonymous_ids"
READ_AT_ONCE = 5_000


class RedisRefused(SeamlineError):  # noqa: N818 - it reads as what it says
    """The server cannot be reached, or does not let us in."""


@dataclass(frozen=True)
class Profiles:
    """The profiles of one sync."""

    client: Any
    sync: str

    def person(self, key: str) -> str:
        """Return where a profile is."""
        return f"{self.sync}:person:{key}"

    def anonymous(self, visitor: str) -> str:
        """Return where the key of a visitor's person is."""
        return f"{self.sync}:anonymous:{visitor}"

    def staged(self, run_id: str) -> str:
        """Return where the batches of a run are staged."""
        return f"{self.sync}:staged:{run_id}"

    def now(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the profiles that are there."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(keys), READ_AT_ONCE):
            some = keys[start : start + READ_AT_ONCE]
            for key, content in zip(some, self.client.mget(map(self.person, some)), strict=True):
                if content is not None:
                    found[key] = orjson.loads(content)
        return found

    def apply(self, run_id: str, planned: Mapping[str, dict[str, Any] | None]) -> None:
        """Write profiles and drop those that are ``None``, all at once."""
        before = self.now(list(planned))
        gone = {visitor: key for key, row in before.items() for visitor in _visitors(row)}
        pointing = self.client.mget([self.anonymous(visitor) for visitor in gone]) if gone else []
        with self.client.pipeline(transaction=True) as pipeline:
            for (visitor, key), held in zip(gone.items(), pointing, strict=True):
                # Another person may have taken the id over.
                if held is not None and held.decode() == key:
                    pipeline.delete(self.anonymous(visitor))
            for key, row in planned.items():
                if row is None:
                    pipeline.delete(self.person(key))
                    continue
                pipeline.set(self.person(key), orjson.dumps(row))
                for visitor in _visitors(row):
                    pipeline.set(self.anonymous(visitor), key)
            pipeline.delete(self.staged(run_id))
            pipeline.execute()


def _visitors(row: Mapping[str, Any]) -> Iterable[str]:
    found = row.get(IDS)
    if isinstance(found, str):
        try:
            found = orjson.loads(found)
        except orjson.JSONDecodeError:
            found = [found]
    return [str(each) for each in found] if isinstance(found, list) else []


@contextmanager
def opened(sync: str, settings: Mapping[str, str]) -> Iterator[Profiles]:
    """Open a connection.

    Raises:
        RedisRefused: the driver is missing, or the server refuses.
    """
    try:
        import redis  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise RedisRefused(
            "destination 'redis' needs the extra: pip install 'seamline[redis]'."
        ) from None
    if "://" not in settings["URL"]:
        raise RedisRefused(
            "the setting URL of destination 'redis' is not set; write it as "
            "redis://:password@host:port/0."
        )
    try:
        client = redis.Redis.from_url(settings["URL"])
        yield Profiles(client, sync)
        client.close()
    except (redis.RedisError, ValueError) as error:
        raise RedisRefused(f"Redis, sync '{sync}': {error}.") from None


class Redis:
    """A Redis server."""

    slug = "redis"
    label = "Redis"
    settings: tuple[Setting, ...] = (Setting("URL", "redis://:password@host:port/0", secret=True),)
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "profiles",
            modes=("upsert", "mirror"),
            limits=Limits(rows=10_000, bytes=10_000_000, requests_per_second=1_000, concurrency=1),
            lists=True,
        ),
    )

    def write(self, batch: Batch) -> Sequence[Verdict]:
        """Stage one batch; written again after a crash it takes its own place."""
        rows = {
            record.key: None if batch.operation == "remove" else record.fields
            for record in batch.records
        }
        with opened(batch.sync, batch.settings) as profiles:
            content = orjson.dumps(rows, default=as_json)
            profiles.client.hset(profiles.staged(batch.run_id), batch.batch_id, content)
        return acknowledged(batch.records)

    def commit(self, sync: str, run_id: str, settings: Mapping[str, str]) -> None:
        """Apply everything that this run staged."""
        with opened(sync, settings) as profiles:
            staged = profiles.client.hgetall(profiles.staged(run_id))
            planned: dict[str, dict[str, Any] | None] = {}
            for name in sorted(staged):
                planned |= orjson.loads(staged[name])
            if planned:
                profiles.apply(run_id, planned)

    def reach(self, sync: str, settings: Mapping[str, str]) -> None:
        """Ask for one profile that nobody has; to look for any would walk through all keys."""
        with opened(sync, settings) as profiles:
            profiles.now([""])

    def read(self, sync: str, settings: Mapping[str, str]) -> Iterator[Found]:
        """Yield the profiles that are there."""
        with opened(sync, settings) as profiles:
            prefix = profiles.person("")
            found = profiles.client.scan_iter(match=f"{prefix}*", count=READ_AT_ONCE)
            keys = [name.decode().removeprefix(prefix) for name in found]
            for key, row in profiles.now(keys).items():
                yield Found(None, row, key)

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a profile has our value."""
        return is_same(ours, theirs)


destination: Store = Redis()
