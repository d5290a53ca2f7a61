"""The compiled manifest, published for planning, lineage and explanation.

dbt writes a manifest per invocation in which only the nodes of that invocation are compiled.
Whoever reads the published one finds every node compiled, and never a half-written file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_COMPILED = ("compiled", "compiled_code", "compiled_path", "relation_name", "extra_ctes")


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
        for unique_id, node in published["nodes"].items():
            known = manifest["nodes"].get(unique_id)
            if known and not node.get("compiled") and _is_same(node, known):
                node.update({name: known[name] for name in _COMPILED if name in known})
    destination.parent.mkdir(parents=True, exist_ok=True)
    unfinished = destination.with_name(f".{destination.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(published))
    unfinished.replace(destination)


def _is_same(node: dict[str, Any], known: dict[str, Any]) -> bool:
    return bool(known.get("compiled")) and node.get("checksum") == known.get("checksum")
