"""How identity does, shown on its assets: people, refusals and changes, after each build."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.defs.resources import asset_key
from reverse_etl.contract.profile import read_profile
from reverse_etl.home import home_directory
from reverse_etl.warehouse.opening import open_warehouse

_QUALITY = "identity_quality"
# The asset on which a metric of the model identity_quality is shown; the others are about people.
_SHOWN_ON = {
    "refused": "identity_refused",
    "created": "identity_changes",
    "merged": "identity_changes",
    "split": "identity_changes",
}


def identity_observations(
    manifest: Mapping[str, Any], results: list[Mapping[str, Any]]
) -> Iterator[dg.AssetObservation]:
    """Yield one observation per identity asset, if dbt's ``results`` say the figures were built."""
    models = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    built = {result["unique_id"] for result in results if result["status"] == "success"}
    if _QUALITY not in models or models[_QUALITY]["unique_id"] not in built:
        return
    relation = models[_QUALITY]["relation_name"]
    with open_warehouse(read_profile(), home_directory()) as warehouse:
        rows = warehouse.rows(f"select metric, subject, figure from {relation} order by 1, 2")
    figures: dict[str, dict[str, float]] = defaultdict(dict)
    for metric, subject, figure in rows:
        if figure is not None:
            name = f"{metric}: {subject}" if subject else str(metric)
            figures[_SHOWN_ON.get(metric, "people")][name] = float(figure)
    for model, metadata in figures.items():
        yield dg.AssetObservation(asset_key(models[model]), metadata=metadata)
