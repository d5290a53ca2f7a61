"""How old each published table and each sync may be; Dagster's own page shows which are late."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

# Everything is built and sent once a day: two hours of a morning may be lost, a day may not.
DAILY = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=26), fail_window=timedelta(hours=48)
)
_LAYERS = {"marts", "segments", "channels"}


def with_freshness(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return the asset with its layer's policy; past days, which are partitions, do not age."""
    if spec.group_name not in _LAYERS or spec.partitions_def is not None:
        return spec
    return spec.replace_attributes(freshness_policy=DAILY)
