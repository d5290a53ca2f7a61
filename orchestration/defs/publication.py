"""The compiled manifest, published for planning, lineage and explanation.

dbt writes a manifest per invocation in which only the nodes of that invocation are compiled.
Whoever reads the published one finds every node compiled, and never a half-written file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from reverse_etl.contract.manifest import recompleted


def publish_manifest(sources: Sequence[Path], destination: Path) -> None:
    """Publish the newest of ``sources`` (oldest first), with compiled code from all of them.

    What an earlier publication compiled is kept for nodes that did not change since, so that a run
    over a few models does not make the others unreadable.
    """
    manifests = [json.loads(path.read_text()) for path in sources]
    if not manifests:
        return
    published = manifests[-1]
    earlier = manifests[:-1]
    if destination.is_file():
        earlier.insert(0, json.loads(destination.read_text()))
    for manifest in reversed(earlier):
        published["nodes"] = recompleted(published["nodes"], manifest["nodes"])
    destination.parent.mkdir(parents=True, exist_ok=True)
    unfinished = destination.with_name(f".{destination.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(published))
    unfinished.replace(destination)
