"""What a micro-batch built and sent, told to Dagster: it shows it like what its own runs made."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.follow import Followed


def report(followed: Followed, manifest: Path) -> None:
    """Report each table that has new rows, and each sync that sent something.

    Args:
        followed: the batch.
        manifest: as the last full build published it.
    """
    # A second, which only whoever has something to tell shall wait for.
    import dagster as dg  # noqa: PLC0415

    from orchestration.defs.activation import GROUP  # noqa: PLC0415
    from orchestration.defs.operator_tables import sync_metadata  # noqa: PLC0415
    from orchestration.defs.resources import asset_key  # noqa: PLC0415
    from orchestration.local import dagster_home  # noqa: PLC0415

    nodes = {node["name"]: node for node in json.loads(manifest.read_text())["nodes"].values()}
    home = os.environ.get("DAGSTER_HOME") or str(dagster_home())
    with dg.DagsterInstance.from_config(home) as instance:
        for name in followed.models:
            metadata = {"rows_landed": followed.landed, "people_touched": followed.people}
            made = dg.AssetMaterialization(asset_key(nodes[name]), metadata=metadata)
            instance.report_runless_asset_event(made)
        for result in followed.syncs:
            if result.acknowledged or result.rejected:
                key = dg.AssetKey([GROUP, result.sync])
                made = dg.AssetMaterialization(key, metadata=sync_metadata(result))
                instance.report_runless_asset_event(made)
