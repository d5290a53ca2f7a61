"""Every dbt model, test and seed: one step, two dbt invocations, tests as checks.

Two invocations, since the audience models of ``models/activation`` loop over the segments in the
graph, which gives dbt no edge from one to the other. One step, since Dagster skips a whole step
where a single input is missing: a model that dbt skipped below a failed test would otherwise keep
every sync from running instead of its own.

A failed test does not stop the step: dbt skips the models below it, each sync's guard reads the
results of its own ancestors, and the step fails when all of it is done.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtProject,
)
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY, build_dbt_specs

from orchestration.defs.identity_figures import identity_observations
from orchestration.defs.options import LaunchOptions, mendable
from orchestration.defs.publication import publish_manifest
from orchestration.defs.resources import WarmDbtResource, asset_key, code_link, database_pool
from orchestration.defs.retention import artifacts_folder, prune_artifacts
from orchestration.defs.unit_tests import unit_test_checks, unit_test_results
from orchestration.landing import open_warehouse
from reverse_etl.contract.profile import read_profile
from reverse_etl.home import home_directory

ACTIVATION = "activation"
SEGMENT_FACTS = ("label", "objective", "purpose", "expires_on", "channels")
REFUSES = "Where it fails, the guard failed_tests refuses the syncs that read this table."
WARNS = "Where it fails it warns; nothing is kept from being sent."
_PATIENCE_SECONDS = 600.0
_FAILED = {"error", "fail", "runtime error"}


class Translator(DagsterDbtTranslator):
    """Names in Dagster what dbt and the warehouse name: key = schema/table, group = layer.

    One manifest has one translator: Dagster asks for each asset many times over, for every check of
    it and every event about it, and the answer takes most of the time that definitions load.
    """

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))
        self._specs: dict[str, dg.AssetSpec] = {}

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return schema and table, for models, seeds and sources alike."""
        return asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the layer: the folder below ``models``, or ``reference`` for seeds."""
        if dbt_resource_props["resource_type"] == "seed":
            return str(dbt_resource_props["schema"])
        return str(dbt_resource_props["fqn"][1])

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Add the edges that dbt cannot see, and a link to the file.

        An audience model reads its channel's segments, by their YAML and not by a ref.
        """
        if unique_id not in self._specs:
            spec = super().get_asset_spec(manifest, unique_id, project)
            props = self.get_resource_props(manifest, unique_id)
            segments = [dg.AssetDep(key) for key in _segments_read_by(manifest, unique_id)]
            spec = spec.replace_attributes(deps=[*spec.deps, *segments])
            if said := props["config"].get("meta", {}).get("segment"):
                spec = spec.replace_attributes(owners=[said["owner"]])
                spec = spec.merge_attributes(
                    metadata={name: said[name] for name in SEGMENT_FACTS if name in said}
                )
            self._specs[unique_id] = spec.merge_attributes(metadata=code_link(props))
        return self._specs[unique_id]

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Show the test as a check that blocks nothing by itself: the syncs' guards do."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        severity = self.get_resource_props(manifest, unique_id)["config"].get("severity", "error")
        effect = WARNS if severity.lower() == "warn" else REFUSES
        return spec._replace(blocking=False, description=spec.description or effect)


def build_warehouse(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Return every dbt node of the project as assets, and every data test as a check."""
    translator = Translator()

    specs, checks = build_dbt_specs(
        translator=translator,
        manifest=manifest,
        select="fqn:*",
        exclude="",
        selector="",
        io_manager_key=None,
        project=None,
    )

    # What @dbt_assets does, with unit tests among the checks.
    @dg.multi_asset(
        name="warehouse",
        specs=specs,
        check_specs=[*checks, *unit_test_checks(manifest)],
        can_subset=True,
        pool=database_pool(),
        allow_arbitrary_check_specs=True,
    )
    def warehouse(
        context: dg.AssetExecutionContext, dbt: WarmDbtResource, options: LaunchOptions
    ) -> Iterator[Any]:
        with options.clock():
            yield from build(context, dbt)

    def build(context: dg.AssetExecutionContext, dbt: WarmDbtResource) -> Iterator[Any]:
        _wait_until_free(context)
        target = Path(os.environ["DBT_TARGET_PATH"])
        invocations = []
        for number, selection in enumerate(_selections(context), start=1):
            folder = artifacts_folder(target, context.run.run_id, number)
            invocation = dbt.build(selection, manifest, translator, context, folder)
            yield from invocation.stream()
            _raise_unless_built(invocation)
            invocations.append(invocation)
        publish_manifest(
            [invocation.target_path / "manifest.json" for invocation in invocations],
            home_directory() / "manifest.json",
        )
        prune_artifacts(target)
        results = [result for invocation in invocations for result in _results(invocation)]
        yield from unit_test_results(manifest, results, context.selected_asset_check_keys)
        yield from identity_observations(manifest, results)
        failures = _failures(results)
        if failures:
            raise dg.Failure(
                description=f"{len(failures)} of the models and tests failed:\n"
                + "\n".join(failures)
                + "\nSyncs that read them are refused until they pass; all others go out.",
                allow_retries=False,
            )

    return warehouse


def _wait_until_free(context: dg.AssetExecutionContext) -> None:
    """Wait for a DuckDB file that a command line holds, and say who does; dbt would not say."""
    with mendable(), open_warehouse(read_profile(), _PATIENCE_SECONDS, context.log.info):
        pass


def _selections(context: dg.AssetExecutionContext) -> list[list[str]]:
    """Return dbt's selection arguments, activation last."""
    activation = f"path:models/{ACTIVATION}"
    if not context.is_subset:
        return [["--exclude", activation], ["--select", activation]]
    names: dict[bool, list[str]] = {False: [], True: []}
    chosen = context.selected_asset_keys
    for spec in context.assets_def.specs:
        if spec.key in chosen:
            unique_id = str(spec.metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY])
            names[spec.group_name == ACTIVATION].append(unique_id.rsplit(".", 1)[-1])
    for check in context.assets_def.check_specs:
        if check.key in context.selected_asset_check_keys and check.asset_key not in chosen:
            names[check.asset_key.path[0] == ACTIVATION].append(check.name)
    return [["--select", " ".join(part)] for part in names.values() if part]


def _raise_unless_built(invocation: DbtCliInvocation) -> None:
    """Raise where dbt could not even begin: exit code 1 is failed nodes, above is no run at all."""
    has_results = (invocation.target_path / "run_results.json").is_file()
    if invocation.process.returncode not in (0, 1) or not has_results:
        raise invocation.get_error() or RuntimeError("dbt ended without results")


def _results(invocation: DbtCliInvocation) -> list[Mapping[str, Any]]:
    """Return what dbt says of each model and test that it ran."""
    results: list[Mapping[str, Any]] = invocation.get_artifact("run_results.json")["results"]
    return results


def _failures(results: list[Mapping[str, Any]]) -> list[str]:
    """Return one line per failed model, unit test and data test."""
    return [
        f"- {result['unique_id'].split('.', 2)[-1]}: {(result['message'] or '').strip()}"
        for result in results
        if result["status"] in _FAILED
    ]


def _segments_read_by(manifest: Mapping[str, Any], unique_id: str) -> list[dg.AssetKey]:
    """Return the segments whose members an audience model sends, by the channels they name."""
    if manifest["nodes"].get(unique_id, {}).get("fqn", ["", ""])[1] != ACTIVATION:
        return []
    channels: set[str] = set()
    for exposure in manifest["exposures"].values():
        sync = exposure["config"].get("meta", {}).get("sync", {})
        if sync.get("mode") == "audience" and unique_id in exposure["depends_on"]["nodes"]:
            channels |= {str(sync[word]) for word in ("destination", "connection") if word in sync}
    return [
        asset_key(node)
        for node in manifest["nodes"].values()
        if channels & set(node["config"].get("meta", {}).get("segment", {}).get("channels", []))
    ]
