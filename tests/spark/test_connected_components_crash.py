"""A run of connected_components that is killed on Spark, where nothing is a transaction."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.dbt.strangers import MATERIALIZATIONS, Edge, StrangersProject, union_find
from tests.spark.session import Spark, session, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

# A rename to the name that a var gives never begins: a query runs only when its rows are asked for.
HANGS = """
{% macro spark__rename_relation(from_relation, to_relation) %}
    {% if to_relation.identifier == var('hang_before', '') %}
        {% call statement('hang', fetch_result=True) %}
            select sum(hash(id)) as endless from range(1000000000000)
        {% endcall %}
    {% endif %}
    {% call statement('rename_relation') %}
        alter table {{ from_relation }} rename to {{ to_relation }}
    {% endcall %}
{% endmacro %}
"""
MODELS = {
    "kept": (
        "select left_id, right_id from {{ var('edges', 'edges') }}",
        {"incremental": "compare", "forest": True},
    )
}
BACKUP = "kept__dbt_backup"
FEW: set[Edge] = {("a", "b"), ("b", "c"), ("x", "y")}
MORE: set[Edge] = {("b", "c"), ("x", "y"), ("c", "x"), ("n", "o")}


def test_what_stood_before_a_killed_run_stands_or_is_put_back(tmp_path: Path) -> None:
    """A partial run is killed before it replaces anything, a full one between its two renames."""
    macros = tmp_path / "macros"
    shutil.copytree(MATERIALIZATIONS, macros)
    (macros / "hangs.sql").write_text(HANGS)
    with session(tmp_path, outlived=True) as spark:
        project = StrangersProject(tmp_path / "project", spark, MODELS, macros)
        project.land(FEW)
        assert project.run("kept") == {}
        project.land(MORE)
        kill(spark, project, before=BACKUP)
    with session(tmp_path, outlived=True) as spark:
        project.engine = spark
        assert project.components("kept") == union_find(FEW)
        kill(spark, project, before="kept")
    with session(tmp_path, outlived=True) as spark:
        project.engine = spark
        assert {"kept", BACKUP} & {*project.tables()} == {BACKUP}
        spark.dbt(project.folder, ["run", "--select", "kept", "--vars", "edges: nowhere"])
        assert project.components("kept") == union_find(FEW)
        assert project.run("kept") == {}
        assert project.components("kept") == union_find(MORE)
        assert project.tables() == ["edges", "kept", "kept__edges", "kept__forest"]


def kill(spark: Spark, project: StrangersProject, *, before: str) -> None:
    arguments = ["run", "--select", "kept", "--vars", f"hang_before: {before}"]
    spark.kill_in_dbt(project.folder, arguments, "as endless")
