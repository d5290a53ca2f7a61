"""The project obeys the rules of the house, and every rule is able to fail."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import house_rules, house_texts
from tests.conftest import ROOT
from tests.house_rules import RULES, House, Rule

Manifest = dict[str, Any]


def _name(function: Rule) -> str:
    return function.__name__


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_the_house_obeys(rule: Rule, manifest: Manifest) -> None:
    broken = list(rule(House(ROOT, manifest)))
    assert not broken, f"{rule.__name__}:\n" + "\n".join(broken)


def test_the_manifest_is_not_empty(manifest: Manifest) -> None:
    house = House(ROOT, manifest)
    for layer in house_rules.LAYERS:
        assert list(house.models(layer)), f"no model in {layer}: the rules would hold of nothing"
    assert len(list(house.models("segments"))) >= 6
    assert len(house.files) > 100


# One way to break each rule that reads the manifest, applied to a true copy of it.


def _node(manifest: Manifest, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        node
        for node in manifest["nodes"].values()
        if node["name"] == name and node["resource_type"] == "model"
    )
    return found


def _read_a_source(manifest: Manifest) -> None:
    _node(manifest, "people")["depends_on"]["nodes"].append("source.seamline.raw_shop.customer")


def _read_upwards(manifest: Manifest) -> None:
    segment = _node(manifest, "abandoned_cart")["unique_id"]
    _node(manifest, "people")["depends_on"]["nodes"].append(segment)


def _move_schema(manifest: Manifest) -> None:
    _node(manifest, "people")["schema"] = "elsewhere"


def _make_a_view(manifest: Manifest) -> None:
    _node(manifest, "people")["config"]["materialized"] = "view"


def _drop_contract(manifest: Manifest) -> None:
    _node(manifest, "sync_webhook_orders")["config"]["contract"]["enforced"] = False


def _drop_owner(manifest: Manifest) -> None:
    _node(manifest, "abandoned_cart")["group"] = None


def _drop_description(manifest: Manifest) -> None:
    _node(manifest, "people")["columns"]["email"]["description"] = " "


def _drop_a_models_description(manifest: Manifest) -> None:
    _node(manifest, "int_leads_discovered")["description"] = ""


def _drop_key_test(manifest: Manifest) -> None:
    people = _node(manifest, "people")["unique_id"]
    for node in manifest["nodes"].values():
        if node.get("attached_node") == people:
            node["attached_node"] = None


def _rename_a_boolean(manifest: Manifest) -> None:
    column = _node(manifest, "people")["columns"]["is_anonymous"]
    column["name"] = "anonymous"


def _drop_exposure(manifest: Manifest) -> None:
    del manifest["exposures"]["exposure.seamline.hubspot_contacts"]


def _expose_twice(manifest: Manifest) -> None:
    exposure = copy.deepcopy(manifest["exposures"]["exposure.seamline.hubspot_contacts"])
    manifest["exposures"]["exposure.seamline.again"] = exposure


def _drop_purpose(manifest: Manifest) -> None:
    del _node(manifest, "abandoned_cart")["config"]["meta"]["segment"]["purpose"]


def _drop_person(manifest: Manifest) -> None:
    del _node(manifest, "abandoned_cart")["columns"]["person_id"]


def _drop_unit_tests(manifest: Manifest) -> None:
    manifest["unit_tests"] = {}


def _prefix_a_mart(manifest: Manifest) -> None:
    _node(manifest, "people")["name"] = "dim_people"


@pytest.mark.parametrize(
    ("rule", "break_it"),
    [
        (house_rules.sources_are_read_only_in_staging, _read_a_source),
        (house_rules.no_model_reads_from_a_later_layer, _read_upwards),
        (house_rules.schema_is_folder, _move_schema),
        (house_rules.only_staging_has_views, _make_a_view),
        (house_rules.published_models_have_contracts, _drop_contract),
        (house_rules.published_models_have_an_owner, _drop_owner),
        (house_rules.models_and_reference_tables_are_described, _drop_a_models_description),
        (house_rules.published_columns_are_described, _drop_description),
        (house_rules.published_models_have_a_tested_key, _drop_key_test),
        (house_rules.published_columns_are_named_by_type, _rename_a_boolean),
        (house_rules.every_sync_model_has_exactly_one_exposure, _drop_exposure),
        (house_rules.every_sync_model_has_exactly_one_exposure, _expose_twice),
        (house_rules.every_segment_says_what_it_is_for, _drop_purpose),
        (house_rules.every_segment_yields_person_id, _drop_person),
        (house_rules.every_segment_has_a_unit_test, _drop_unit_tests),
        (house_rules.models_are_named_by_their_layer, _prefix_a_mart),
    ],
)
def test_a_rule_over_the_manifest_can_fail(
    rule: Rule, break_it: Callable[[Manifest], None], manifest: Manifest
) -> None:
    read = ("nodes", "exposures", "groups", "unit_tests")
    broken = copy.deepcopy({part: manifest[part] for part in read})
    break_it(broken)
    messages = list(rule(House(ROOT, broken)))
    assert messages
    assert all(".sql: " in message for message in messages), "a message names its file"


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (house_rules.nothing_reads_the_clock, "dbt_project/models/marts/a.sql", "select now()"),
        (
            house_rules.what_is_known_ends_at_as_of,
            "dbt_project/models/marts/a.sql",
            "select * from {{ ref('stg_shop__orders') }}",
        ),
        (
            house_rules.one_engine_s_functions_stay_in_dispatched_macros,
            "dbt_project/models/marts/a.sql",
            "select 1 qualify row_number() over () = 1",
        ),
        (
            house_rules.yaml_is_named_after_its_model_or_its_folder,
            "dbt_project/models/marts/lonely.yml",
            "models: []",
        ),
        (
            house_rules.a_macro_is_in_the_file_of_its_name,
            "dbt_project/macros/one.sql",
            "{% macro other() %}{% endmacro %}",
        ),
        (house_rules.names_say_what_is_inside, "reverse_etl/http_utils.py", ""),
        (house_rules.names_say_what_is_inside, "reverse_etl/plan2.py", ""),
        (house_rules.tests_are_sentences, "dbt_project/tests/orders.sql", "select 1"),
        (house_rules.files_stay_short, "reverse_etl/planning/plan.py", "\n" * 401),
        (
            house_texts.every_destination_is_in_the_readme,
            "reverse_etl/destinations/pager.py",
            "destination = 1",
        ),
    ],
)
def test_a_rule_over_the_tree_can_fail(rule: Rule, path: str, text: str, tmp_path: Path) -> None:
    house = House(tmp_path, {"nodes": {}, "unit_tests": {}})
    (tmp_path / "README.md").write_text("| dbt-core | builds |")
    assert not list(rule(house)), "an empty house breaks no rule"
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert [m for m in rule(House(tmp_path, house.manifest)) if Path(path).name in m]


def test_a_purpose_whose_kind_the_models_do_not_know_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "dbt_project"
    folder.mkdir()
    (folder / "purposes.yml").write_text("purposes: {offers: {marketing: true}}")
    (folder / "dbt_project.yml").write_text("vars: {promotional_purposes: []}")
    rule = house_texts.who_waits_for_help_gets_nothing_that_is_marketing
    assert list(rule(House(tmp_path, {"nodes": {}})))
    (folder / "dbt_project.yml").write_text("vars: {promotional_purposes: [offers]}")
    assert not list(rule(House(tmp_path, {"nodes": {}})))


def test_a_dependency_nobody_explains_is_found(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("| dbt-core | builds |\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["dbt-core>=1", "dbt-duckdb~=1.11"]\n'
    )
    messages = list(
        house_texts.every_dependency_is_in_the_readme_s_table(House(tmp_path, {"nodes": {}}))
    )
    assert len(messages) == 1
    assert "dbt-duckdb" in messages[0]


def test_every_package_is_installed() -> None:
    """An editable install would hide one that is not listed."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = [
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in ("orchestration", "reverse_etl", "seeds")
        for path in (ROOT / room).rglob("__init__.py")
    ]
    assert sorted(listed) == sorted(found)


def _named_and_nowhere(table: str, house: House) -> list[str]:
    """Tests that the table of promises names and nobody has written."""
    written = {path.stem for path in house.files}
    for path in house.files:
        if path.suffix == ".py" and path.parts[0] == "tests":
            written |= set(re.findall(r"^def (test_\w+)", house.text(path), re.MULTILINE))
    return [n for n in re.findall(r"`((?:test|assert)_\w+)`", table) if n not in written]


def test_every_test_that_shows_a_promise_exists(manifest: Manifest) -> None:
    house = House(ROOT, manifest)
    table = (ROOT / "tests" / "README.md").read_text()
    assert table.count("`test_") > 30
    assert _named_and_nowhere(table, house) == []
    assert _named_and_nowhere("`test_no_such_thing`", house) == ["test_no_such_thing"]


def test_comments_break_no_rule() -> None:
    sql = "{# now() #} select 1 -- current_date\n/* qualify */"
    assert house_rules.without_comments(sql).split() == ["select", "1"]
