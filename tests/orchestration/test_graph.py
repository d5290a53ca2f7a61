"""The graph that Dagster shows: one name per table, one group per layer, an asset per sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from tests.conftest import ROOT

LAYERS = ("raw", "staging", "intermediate", "marts", "segments", "activation", "plans", "channels")


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> AssetGraph:
    return definitions.resolve_asset_graph()


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("/"))


def test_the_definitions_load_whole(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_groups_are_the_layers(graph: AssetGraph) -> None:
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {*LAYERS, "reference"}


def test_every_table_of_the_project_is_an_asset_by_its_own_name(
    graph: AssetGraph, manifest: Mapping[str, Any]
) -> None:
    tables = {
        (node["schema"], node.get("identifier") or node["alias"])
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        if node["resource_type"] in ("model", "seed", "source")
    }
    ours = {"plans", "channels", "ops"}
    assets = {tuple(key.path) for key in graph.get_all_asset_keys() if key.path[0] not in ours}
    assert assets == tables | {("segments", "segment_days")}


def test_every_sync_is_an_asset_below_its_plan_below_its_table(
    graph: AssetGraph, manifest: Mapping[str, Any]
) -> None:
    syncs = [name.split(".")[-1] for name in manifest["exposures"]]
    assert len(syncs) >= 5
    for sync in syncs:
        node = graph.get(_key(f"channels/{sync}"))
        assert node.parent_keys == {_key(f"plans/{sync}")}
        assert graph.get(_key(f"plans/{sync}")).parent_keys == {_key(f"activation/sync_{sync}")}
        assert node.owners
        assert node.description


def test_an_audience_reads_the_segments_that_name_its_channel(graph: AssetGraph) -> None:
    parents = graph.get(_key("activation/sync_klaviyo_audience_members")).parent_keys
    assert _key("segments/abandoned_cart") in parents


def test_raw_tables_lead_to_channels(graph: AssetGraph) -> None:
    ancestors = graph.get_ancestor_asset_keys(_key("channels/klaviyo_audience_members"))
    assert _key("raw_shop/order") in ancestors
    assert _key("marts/people") in ancestors


def test_data_tests_are_checks(graph: AssetGraph, manifest: Mapping[str, Any]) -> None:
    checks = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
    names = {name for _, name in checks}
    assert ("marts/people", "unique_people_person_id") in checks
    assert ("plans/hubspot_contacts", "removed_fraction") in checks
    # A test over several models with no model of its own belongs to no single asset.
    of_one_model = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("attached_node") in manifest["nodes"]
    }
    assert len(of_one_model) > 100
    assert of_one_model <= names


def test_unit_tests_are_checks(graph: AssetGraph, manifest: Mapping[str, Any]) -> None:
    checks = {(key.asset_key.path[-1], key.name) for key in graph.asset_check_keys}
    unit_tests = {(test["model"], test["name"]) for test in manifest["unit_tests"].values()}
    assert len(unit_tests) > 20
    assert unit_tests <= checks


def test_assets_link_to_their_files(graph: AssetGraph) -> None:
    for name, file in (
        ("marts/people", "models/marts/profiles/people.sql"),
        ("raw_shop/order", "models/staging/shop/_shop__sources.yml"),
        ("channels/hubspot_contacts", "models/activation/sync_hubspot_contacts.yml"),
    ):
        [link] = graph.get(_key(name)).metadata["dagster/code_references"].code_references
        assert link.file_path == str(ROOT / "dbt_project" / file)


def test_what_is_published_or_sent_may_grow_only_so_old(graph: AssetGraph) -> None:
    for key in graph.executable_asset_keys:
        is_watched = key.path[0] in ("marts", "segments", "channels")
        is_watched = is_watched and not graph.get(key).is_partitioned  # past days do not age
        assert (graph.get(key).freshness_policy is not None) == is_watched, key


def test_owners_are_those_of_the_groups(graph: AssetGraph) -> None:
    assert graph.get(_key("marts/people")).owners == ["profiles@example.com"]


def test_the_one_schedule_runs_the_one_job_over_everything(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("every_morning")
    assert schedule.job_name == "daily"
    job = definitions.resolve_job_def("daily")
    graph = definitions.resolve_asset_graph()
    # Fitted each month, and replayed for whatever days somebody asks for.
    others = {_key("ops/lifetime_fits"), _key("segments/segment_days")}
    assert job.asset_layer.executable_asset_keys == graph.executable_asset_keys - others
    assert job.executor_def.name == "one_process"


def test_steps_that_open_the_file_share_a_pool(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("daily")
    pools = {node.name: node.definition.pools for node in job.nodes}
    assert pools
    assert all(found == {"duckdb"} for found in pools.values()), pools


def test_a_channel_s_trouble_is_waited_out_longer_each_time(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("daily")
    policies = [node.definition.retry_policy for node in job.nodes if "channels" in node.name]
    assert len(policies) >= 5
    for policy in policies:
        assert policy
        delays = [policy.calculate_delay(number) for number in range(1, policy.max_retries + 1)]
        assert len(delays) == 3
        assert sum(delays) > 180
        assert policy.backoff is dg.Backoff.EXPONENTIAL


def test_the_loop_and_the_alerts_are_there_to_be_switched(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    assert {"changes", "alert_of_failures", "alert_of_rejections"} <= set(sensors)
    assert sensors["changes"].job_name == "micro_batch"
