"""Whatever happens to tables and wires: in the end the channel equals the warehouse."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.reverse_etl.recorder import Recorder, recording
from tests.reverse_etl.world import Channel, World

KEYS = st.integers(0, 14)
TABLES = st.dictionaries(KEYS, st.integers(0, 3), max_size=12)
FAULTS = st.lists(
    st.sampled_from(["well", "well", "429", "500", "500 after", "partial", "refused", "hang up"]),
    max_size=8,
)
HISTORIES = st.lists(st.tuples(TABLES, FAULTS), min_size=1, max_size=4)
OVERRIDES = ["zero_rows", "removed_fraction"]


def faulty(faults: list[str]) -> Any:
    """Return a channel's behaviour: the faults in turn, then none."""
    ahead = list(faults)

    def fault(number: int, body: Any) -> Any:
        kind = ahead.pop(0) if ahead else "well"
        return {
            "well": None,
            "429": (429, {"Retry-After": "0"}, {}),
            "500": (500, {}, {}),
            "500 after": (500, {"committed": ""}, {}),
            "refused": (400, {}, {"message": "no"}),
            "hang up": (0, {"committed": ""}, {}),
            "partial": (
                207,
                {},
                {
                    "results": [
                        {"index": i, "status": 422 if i % 3 == 0 else 200, "message": "no"}
                        for i, _ in enumerate(body["records"])
                    ]
                },
            ),
        }[kind]

    return fault


def rows(table: dict[int, int]) -> list[tuple[str, str, str, int]]:
    return [(f"p{k}", f"person{k}@example.com", f"v{v}", v) for k, v in sorted(table.items())]


def check(world: World, channel: Recorder, history: list[tuple[dict[int, int], list[str]]]) -> None:
    channel.held["theirs"] = {"name": "not ours"}
    world.declare("copies", "mirror")
    for table, faults in history:
        world.contacts(rows(table), "copies")
        channel.fault = faulty(faults)
        result = world.run("copies", overrides=OVERRIDES)
        sent = result.added + result.changed + result.removed
        assert sent == result.acknowledged + result.rejected + result.pending
        if result.status == "done":
            assert not result.rejected and not result.pending
    channel.fault = lambda number, body: None
    assert world.run("copies", overrides=OVERRIDES).status == "done"
    assert {key: fields["name"] for key, fields in channel.held.items()} == {
        "theirs": "not ours",
        **{f"p{key}": f"v{value}" for key, value in history[-1][0].items()},
    }
    assert world.run("copies", overrides=OVERRIDES).requests == 0
    keys = world.ledger("select count(*), count(distinct key) from sync_snapshot")
    assert keys == [(len(history[-1][0]),) * 2]


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(history=HISTORIES)
def test_in_the_end_the_channel_equals_the_warehouse(
    history: list[tuple[dict[int, int], list[str]]],
) -> None:
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder, recording() as channel:
        world = World(Path(folder), Channel(rows=4, concurrency=3))
        variables = world.environment | {"TESTER_URL": channel.url}
        with mock.patch.dict("os.environ", variables):
            world.create()
            check(world, channel, history)
