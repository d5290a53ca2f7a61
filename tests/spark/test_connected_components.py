"""The connected_components materialization on a real local Spark session."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.dbt.strangers import Edge, StrangersProject, union_find
from tests.spark.session import session, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

ALL = "select left_id, right_id from edges"
KEPT = "kept"
FEW_ROUNDS = "few_rounds"
MODELS = {
    KEPT: (ALL, {"incremental": "compare", "forest": True}),
    FEW_ROUNDS: (ALL, {"max_rounds": 1}),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StrangersProject]:
    folder = tmp_path_factory.mktemp("spark")
    with session(folder) as spark:
        yield StrangersProject(folder / "project", spark, MODELS)


def test_full_and_partial_runs_give_what_union_find_gives(project: StrangersProject) -> None:
    """A chain whose order is no order of names, a star, a clique, doubles, nulls, lone nodes."""
    edges: set[Edge] = {
        *((f"chain-{a * 37 % 90}", f"chain-{b * 37 % 90}") for a, b in pairwise(range(90))),
        *((f"leaf-{n}", "star") for n in range(100)),
        *((f"clique-{a}", f"clique-{b}") for a in range(6) for b in range(6)),
        ("Zebra", "ant"),
        ("école", "Ecole"),
        ("alone", "alone"),
        ("turned", "round"),
        ("round", "turned"),
        (None, "nobody"),
    }
    project.land(edges)
    failed = project.run(KEPT, FEW_ROUNDS)
    assert set(failed) == {FEW_ROUNDS}
    assert "has not converged after 1 rounds; nothing was published" in failed[FEW_ROUNDS]
    assert project.components(KEPT) == union_find(edges)
    check_forest(project, edges)

    cut = {("leaf-7", "star"), ("chain-0", "chain-37"), ("was", "never")}
    assert len(edges & cut) == 2
    edges = edges - cut | {("star", "Zebra"), ("new", "newer"), ("alone", "clique-3")}
    project.land(edges)
    project.engine.execute("create table kept__cc4d8b60_edges using parquet as select 1 as one")
    assert project.run(KEPT) == {}
    assert project.components(KEPT) == union_find(edges)
    check_forest(project, edges)
    # What a failed run left behind goes with that model's next run.
    tables = [name for name in project.tables() if not name.startswith(FEW_ROUNDS)]
    assert tables == ["edges", "kept", "kept__edges", "kept__forest"]


def check_forest(project: StrangersProject, edges: set[Edge]) -> None:
    truth = union_find(edges)
    forest = project.engine.rows("select left_id, right_id from kept__forest")
    assert len(forest) == len(truth) - len(set(truth.values()))
    assert union_find([*forest, *((node, node) for node in truth)]) == truth
