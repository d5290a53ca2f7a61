"""The connected_components materialization, used as a stranger's project would use it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.strangers import Edge, Engine, StrangersProject, union_find

MODELS = {
    "components": ("select left_id, right_id from edges", {}),
    "numbers": (
        "select cast(left_id as bigint) as left_id, cast(right_id as bigint) as right_id"
        " from edges where left_id like '%0'",
        {},
    ),
    "few_rounds": ("select left_id, right_id from edges", {"max_rounds": 1}),
    "few_jumps": ("select left_id, right_id from edges", {"max_jumps": 1}),
    "wrong_name": ("select left_id, right_id as other from edges", {}),
    "wrong_count": ("select left_id, right_id, 1 as weight from edges", {}),
    "wrong_type": ("select left_id, 1 as right_id from edges", {}),
}


@pytest.fixture(scope="module")
def project(
    engine_of_strangers: Engine, tmp_path_factory: pytest.TempPathFactory
) -> StrangersProject:
    return StrangersProject(tmp_path_factory.mktemp("project"), engine_of_strangers, MODELS)


def chain(name: str, order: list[int]) -> list[Edge]:
    return [(f"{name}-{a}", f"{name}-{b}") for a, b in pairwise(order)]


def shapes() -> list[Edge]:
    """One of each shape that has broken somebody's stitching."""
    source = random.Random(20261101)
    edges: list[Edge] = [
        *chain("ordered", list(range(1200))),
        *chain("reversed", list(range(1200, 0, -1))),
        *chain("shuffled", source.sample(range(1500), 1500)),
        *chain("ring", [*range(500), 0]),
        *((f"star-{source.random()}", "star-centre") for _ in range(2000)),
        *((f"clique-{a}", f"clique-{b}") for a in range(25) for b in range(25)),
        *((f"tree-{child}", f"tree-{child // 2}") for child in range(1, 1000)),
        ("alone", "alone"),
        ("alone-twice", "alone-twice"),
        ("alone-twice", "alone-twice"),
        ("self-and-other", "self-and-other"),
        ("self-and-other", "other"),
        ("repeated", "edge"),
        ("repeated", "edge"),
        ("edge", "repeated"),
        (None, "null-on-the-left"),
        ("null-on-the-right", None),
        (None, None),
        ("", "empty"),
        ("Zebra", "ant"),
        ("Ünal", "zoe"),
        ("école", "Ecole"),
        ("it's", 'a "quoted" name'),
        # Among these are pairs that DuckDB's own hash does not tell apart.
        *((f"cookie:{a}55391-1{b}", f"cookie:{a}55391-1{b}") for a in range(10) for b in range(10)),
    ]
    source.shuffle(edges)
    return edges


def test_every_shape_in_any_order_gives_what_union_find_gives(project: StrangersProject) -> None:
    edges = shapes()
    found = project.resolve(edges)
    assert found == union_find(edges)
    assert found["zoe"] == "zoe"
    assert found["ant"] == "Zebra"
    assert "null-on-the-left" not in found
    assert project.tables() == ["components", "edges"], "working tables were left behind"
    turned = [(right, left) for left, right in reversed(edges)]
    assert project.resolve(turned) == found


graphs = st.lists(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60),
    min_size=50,
    max_size=150,
)


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=graphs, seed=st.integers(0, 2**32))
def test_random_graphs_give_what_union_find_gives(
    project: StrangersProject, drawn: list[list[tuple[int, int]]], seed: int
) -> None:
    source = random.Random(seed)
    edges: list[Edge] = [
        (f"{number}/{a}", f"{number}/{b}") for number, graph in enumerate(drawn) for a, b in graph
    ]
    for number in range(100):
        size = source.randint(2, 200)
        edges += [
            (
                f"sparse-{number}/{source.randrange(size)}",
                f"sparse-{number}/{source.randrange(size)}",
            )
            for _ in range(source.randint(1, size))
        ]
    assert project.resolve(edges) == union_find(edges)


def test_a_shuffled_chain_of_100_000_is_one_component(project: StrangersProject) -> None:
    order = random.Random(7).sample(range(100_000), 100_000)
    log = project.folder / "logs" / "dbt.log"
    before = log.read_text().count("On model.stranger.components: ") if log.exists() else 0
    found = project.resolve(chain("node", order))
    assert len(found) == 100_000
    assert set(found.values()) == {"node-0"}
    statements = log.read_text().count("On model.stranger.components: ") - before
    analyses = log.read_text().count("analyze ")
    assert statements - analyses <= 130


def test_numbers_are_compared_as_numbers_and_no_edges_give_an_empty_table(
    project: StrangersProject,
) -> None:
    project.land([("10", "90"), ("90", "1000"), ("-30", "-20"), (None, "9")])
    assert project.run("numbers") == {}
    found = {int(node): int(component) for node, component in project.components("numbers").items()}
    assert found == {10: 10, 90: 10, 1000: 10, -30: -30, -20: -30}
    assert project.resolve([(None, "a")]) == {}
    assert project.resolve([]) == {}
    project.engine.execute("drop table numbers")


def test_a_run_replaces_the_last_and_clears_what_a_killed_one_left(
    project: StrangersProject,
) -> None:
    assert project.resolve([("a", "b")]) == {"a": "a", "b": "a"}
    log = (project.folder / "logs" / "dbt.log").read_text()
    names = [word for word in log.split('"') if word.startswith("components__cc")]
    leftover = next(name for name in names if name.endswith("_edges"))
    project.engine.execute(
        f'create table "{leftover}" (left_id text)',
        "create table components__dbt_tmp (node_id text)",
        "create table components__dbt_backup (node_id text)",
    )
    assert project.resolve([("b", "c")]) == {"b": "b", "c": "b"}
    assert project.tables() == ["components", "edges"]


def test_a_run_that_fails_publishes_nothing_and_says_why(project: StrangersProject) -> None:
    expected = {
        "few_rounds": "has not converged after 1 rounds",
        "few_jumps": "still move after 1 jumps",
        "wrong_name": "exactly the columns left_id and right_id, it yields: left_id, other",
        "wrong_count": "it yields: left_id, right_id, weight",
        "wrong_type": "must have one type",
    }
    project.land(chain("node", random.Random(3).sample(range(2000), 2000)))
    for model in expected:
        project.engine.execute(
            f"create table {model} as select 'a' as node_id, 'kept' as component_id"
        )
    messages = project.run(*expected)
    for model, message in expected.items():
        assert message in messages[model]
        assert project.components(model) == {"a": "kept"}
