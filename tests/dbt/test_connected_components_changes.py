"""Incremental runs of connected_components: any history gives what a full run gives."""

from __future__ import annotations

import random
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.strangers import (
    MATERIALIZATIONS,
    DuckDb,
    Edge,
    Engine,
    StrangersProject,
    union_find,
)

ALL = "select left_id, right_id from edges"
CHANGES = (
    "{% if only_changed_edges() %} select left_id, right_id, is_deleted from changes"
    " {% else %} " + ALL + " {% endif %}"
)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "rebuilt": (ALL, {"forest": True}),
    "compared": (ALL, {"incremental": "compare", "forest": True}),
    "changed": (CHANGES, {"incremental": "changes", "forest": True}),
    "few_rounds": (ALL, {"incremental": "compare", "max_rounds": 1}),
    "misspelt": (ALL, {"incremental": "yes"}),
}
KEPT = ("compared", "changed")


@pytest.fixture(scope="module")
def project(
    engine_of_strangers: Engine, tmp_path_factory: pytest.TempPathFactory
) -> StrangersProject:
    return StrangersProject(tmp_path_factory.mktemp("project"), engine_of_strangers, MODELS)


class History:
    """The edges that hold, and what the last batch did to them."""

    def __init__(self, project: StrangersProject, edges: set[Edge]) -> None:
        self.project, self.edges = project, edges
        project.land(edges)
        assert project.run("rebuilt", *KEPT, full_refresh=True) == {}

    def step(self, added: set[Edge], removed: set[Edge]) -> None:
        """Add and remove, run, and compare with the textbook and with the full run beside it."""
        self.edges = {edge for edge in self.edges if not {edge, edge[::-1]} & removed} | added
        self.project.land(self.edges)
        batch = [(*edge, True) for edge in removed] + [(*edge, None) for edge in added]
        self.project.engine.land(
            "changes", "left_id text, right_id text, is_deleted boolean", batch
        )
        assert self.project.run("rebuilt", *KEPT) == {}
        truth = union_find(self.edges)
        for model in ("rebuilt", *KEPT):
            assert self.project.components(model) == truth, model
            self.check_forest(model, truth)

    def check_forest(self, model: str, truth: dict[str, str]) -> None:
        """One edge of the graph per merge, and the merges alone hold every component together."""
        forest = self.project.engine.rows(f"select left_id, right_id from {model}__forest")
        for left, right in forest:
            assert (left, right) in self.edges or (right, left) in self.edges
        assert len(forest) == len(truth) - len(set(truth.values()))
        assert union_find([*forest, *((node, node) for node in truth)]) == truth


nodes = st.integers(0, 12)
edges_of_a_graph = st.sets(st.tuples(nodes, nodes), max_size=14)


@settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32), drawn=st.lists(edges_of_a_graph, min_size=80, max_size=80))
def test_any_history_of_adds_and_removes_gives_what_a_full_run_gives(
    project: StrangersProject, drawn: list[set[tuple[int, int]]], seed: int
) -> None:
    source = random.Random(seed)

    def named(number: int, edges: set[tuple[int, int]]) -> set[Edge]:
        return {(f"{number}/{a}", f"{number}/{b}") for a, b in edges}

    def some() -> set[tuple[int, int]]:
        size = source.randint(2, 30)
        count = source.randint(0, size)
        return {(source.randrange(size), source.randrange(size)) for _ in range(count)}

    graphs = [*drawn, *(some() for _ in range(80))]
    edges = {edge for number, graph in enumerate(graphs) for edge in named(number, graph)}
    history = History(project, edges)
    for _ in range(4):
        touched = source.sample(range(len(graphs)), 60)
        added = {edge for number in touched[:40] for edge in named(number, some())}
        # Bridges between graphs, so that a merge takes part of what a removal takes apart.
        added |= {(f"{a}/1", f"{b}/2") for a, b in zip(touched[:8], touched[30:38], strict=True)}
        going = [
            edge
            for edge in sorted(history.edges, key=str)
            if int(str(edge[0]).split("/", maxsplit=1)[0]) in touched[20:] and source.random() < 0.4
        ]
        # An edge has no direction, and what was never there can be removed.
        removed = {edge if source.random() < 0.5 else edge[::-1] for edge in going}
        removed |= {("never", "there"), ("0/1", "never")}
        history.step(added, {edge for edge in removed if not {edge, edge[::-1]} & added})


def test_a_batch_may_be_empty_undo_the_last_and_leave_nothing(project: StrangersProject) -> None:
    history = History(project, {("a", "b"), ("b", "c"), ("x", "y"), ("z", "z"), ("Zoe", "a")})
    before = project.engine.rows("select * from compared order by 1")
    history.step(set(), set())
    assert project.engine.rows("select * from compared order by 1") == before
    history.step({("c", "x"), ("new", "newer"), ("A", "z")}, set())
    assert project.components("changed")["y"] == "Zoe"
    history.step(set(), {("x", "c"), ("newer", "new"), ("z", "A")})
    assert project.engine.rows("select * from compared order by 1") == before
    history.step(set(), history.edges)
    assert project.engine.rows("select * from compared") == []
    history.step({("back", "again")}, set())
    names = {"compared", "changed", "rebuilt"}
    sides = {f"{name}__forest" for name in names} | {f"{name}__edges" for name in KEPT}
    assert set(project.tables()) == names | sides | {"edges", "changes"}


def test_a_batch_rewrites_only_the_components_that_it_touches(project: StrangersProject) -> None:
    """Rows elsewhere are not even replaced by themselves: a mark made by hand outlives the run."""
    history = History(project, {(f"{n}/a", f"{n}/b") for n in range(50)} | {("3/b", "3/c")})
    for model in KEPT:
        project.engine.execute(
            f"update {model} set component_id = 'marked' where node_id in ('7/a', '7/b')"
        )
    edges = history.edges | {("1/a", "2/a")}
    edges -= {("3/b", "3/c")}
    project.land(edges)
    project.engine.land(
        "changes",
        "left_id text, right_id text, is_deleted boolean",
        [("1/a", "2/a", False), ("3/b", "3/c", True)],
    )
    assert project.run(*KEPT) == {}
    expected = union_find(edges) | {"7/a": "marked", "7/b": "marked"}
    assert project.components("compared") == expected
    assert project.components("changed") == expected
    assert project.run(*KEPT, full_refresh=True) == {}
    assert project.components("changed") == union_find(edges)


def test_a_run_that_cannot_amend_starts_afresh_or_changes_nothing(
    project: StrangersProject,
) -> None:
    History(project, {("a", "b")})
    order = random.Random(5).sample(range(500), 500)
    edges: set[Edge] = {(f"n{a}", f"n{b}") for a, b in pairwise(order)}
    project.engine.execute("drop table changed__edges")
    project.land(edges)
    assert project.run(*KEPT) == {}
    assert project.components("changed") == project.components("compared") == union_find(edges)

    project.land({("a", "b")})
    assert project.run("few_rounds", full_refresh=True) == {}
    project.land(edges | {("a", "b")})
    messages = project.run("few_rounds", "misspelt")
    assert "has not converged after 1 rounds" in messages["few_rounds"]
    assert "must be 'compare' or 'changes', it is 'yes'" in messages["misspelt"]
    assert project.components("few_rounds") == {"a": "a", "b": "a"}
    assert len(project.engine.rows("select * from few_rounds__edges")) == 1


def test_ids_that_share_a_hash_are_refused_until_ids_themselves_are_compared(
    tmp_path: Path,
) -> None:
    macros = tmp_path / "macros"
    shutil.copytree(MATERIALIZATIONS, macros)
    expressions = macros / "connected_components_expressions.sql"
    good = expressions.read_text()
    end = 'as bigint)"'
    strong = good[good.index('"cast(xor(hash(') : good.index(end) + len(end)]
    weak = good.replace(strong, '"length(" ~ expression ~ ")"')
    assert weak != good
    expressions.write_text(weak)
    edges: set[Edge] = {("a", "bbb"), ("cc", "dddd")}
    kept = {"incremental": "compare"}
    models = {
        "hashed": (ALL, kept),
        "batched": (CHANGES, {"incremental": "changes"}),
        "plain": (ALL, {**kept, "hash_keys": False}),
    }
    project = StrangersProject(tmp_path / "project", DuckDb(tmp_path), models, macros)
    project.land(edges)
    assert project.run(*models) == {}
    # An id with the hash of one that is known; both ends so, where the edge between those is known.
    for news in (("e", "ccccc"), ("ee", "ffff")):
        project.land(edges | {news})
        project.engine.land(
            "changes", "left_id text, right_id text, is_deleted boolean", [(*news, False)]
        )
        messages = project.run(*models)
        for model in ("hashed", "batched"):
            said = f"two ids of model.stranger.{model} have the same 64-bit hash"
            assert said in messages[model], news
            assert project.components(model) == union_find(edges), news
        assert project.components("plain") == union_find(edges | {news})
    # What was hashed in another way is of no use: the run starts afresh.
    expressions.write_text(good)
    project.land(edges | {("bbb", "cc")})
    assert project.run("hashed") == {}
    assert project.components("hashed") == union_find(edges | {("bbb", "cc")})
