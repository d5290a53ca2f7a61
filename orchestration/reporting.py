"""What a micro-batch built and sent, told to Dagster: it shows it like what its own runs made."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.troubles import troubles_of

if TYPE_CHECKING:
    from orchestration.follower import Followed


def report(followed: Followed, manifest: Path) -> None:
    """Report each table that has new rows, each sync that sent something, and what went wrong.

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
            key, metadata = dg.AssetKey([GROUP, result.sync]), sync_metadata(result)
            if result.acknowledged or result.rejected:
                made = dg.AssetMaterialization(key, metadata=metadata)
                instance.report_runless_asset_event(made)
            elif result.status != "done":
                why = "\n".join(troubles_of(result).values())
                seen = dg.AssetObservation(key, description=why, metadata=metadata)
                instance.report_runless_asset_event(seen)
        for file in followed.refused:
            seen = dg.AssetObservation(dg.AssetKey(list(file.table)), description=file.reason)
            instance.report_runless_asset_event(seen)
