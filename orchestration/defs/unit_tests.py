"""dbt's unit tests as asset checks, which dagster-dbt leaves out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.defs.resources import asset_key


def unit_test_checks(manifest: Mapping[str, Any]) -> list[dg.AssetCheckSpec]:
    """Return one check per unit test, on the model that it tests."""
    return [
        dg.AssetCheckSpec(
            name=test["name"],
            asset=asset_key(_model(manifest, test)),
            description=test["description"] or _sentence(test["name"]),
            metadata={"kind": "unit test", "file": test["original_file_path"]},
        )
        for test in manifest["unit_tests"].values()
    ]


def unit_test_results(
    manifest: Mapping[str, Any],
    results: list[Mapping[str, Any]],
    chosen: Collection[dg.AssetCheckKey],
) -> Iterator[dg.AssetCheckResult]:
    """Yield what became of the unit tests that dbt ran, of those that the step is to report."""
    for result in results:
        test = manifest["unit_tests"].get(result["unique_id"])
        if test is None:
            continue
        key = asset_key(_model(manifest, test))
        if dg.AssetCheckKey(key, test["name"]) in chosen:
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=test["name"],
                passed=result["status"] == "pass",
                metadata={
                    "status": str(result["status"]),
                    "difference": dg.MetadataValue.md(f"```\n{result['message'] or ''}\n```"),
                    "execution_seconds": float(result["execution_time"]),
                },
            )


def _model(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> Mapping[str, Any]:
    [model] = test["depends_on"]["nodes"]
    node: Mapping[str, Any] = manifest["nodes"][model]
    return node


def _sentence(name: str) -> str:
    words = name.removeprefix("test_").replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}."
