"""Identity, measured part by part; ``--only increment,chain`` takes some of the parts.

``accuracy`` has a table of its own: ``benchmarks.identity_accuracy``.
"""

from __future__ import annotations

import sys

from benchmarks import identity_accuracy, identity_graph
from benchmarks.measure import parser, show

PARTS = (*identity_graph.PARTS, "accuracy")


def main() -> None:
    """Measure and print."""
    asked = parser(__doc__ or "")
    asked.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    chosen = asked.parse_args()
    only = set(chosen.only.split(","))
    if unknown := only - {*PARTS}:
        sys.exit(f"--only: {', '.join(sorted(unknown))} unknown; use {', '.join(PARTS)}")
    if only & {*identity_graph.PARTS}:
        show(identity_graph.rows(quick=chosen.quick, only=only), chosen.json)
    if "accuracy" in only:
        identity_accuracy.show(quick=chosen.quick, as_json=chosen.json)


if __name__ == "__main__":
    main()
