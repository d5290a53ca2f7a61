"""Column lineage on the assets: what a column is made of, and which segments it decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.column_lineage import Lineage

_LAYERS = {"marts", "segments", "activation", "intermediate", "staging", "raw"}


def with_decisions(spec: dg.AssetSpec, lineage: Lineage) -> dg.AssetSpec:
    """Return the asset with its lineage, as far as the last published build tells it."""
    if spec.group_name not in _LAYERS:
        return spec
    table = ".".join(spec.key.path)
    added: dict[str, Any] = {}
    if decided := lineage.decides.get(table):
        added["decides_segments"] = dg.MetadataValue.md(_table(decided))
    if made_of := lineage.made_of.get(table):
        added["dagster/column_lineage"] = dg.TableColumnLineage(
            {
                name: [
                    dg.TableColumnDep(asset_key=dg.AssetKey(origin.split(".")), column_name=column)
                    for origin, column in found
                ]
                for name, found in made_of.items()
            }
        )
    return spec.merge_attributes(metadata=added) if added else spec


def _table(decided: Mapping[str, list[str]]) -> str:
    rows = [f"| {name} | {', '.join(sorted(segments))} |" for name, segments in decided.items()]
    return "\n".join(["| column | segments it decides |", "|---|---|", *sorted(rows)])
