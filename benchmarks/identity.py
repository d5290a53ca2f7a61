"""Identity, measured part by part: each part yields the rows of one table."""

from __future__ import annotations

from benchmarks import identity_graph
from benchmarks.measure import arguments, show

PARTS = (identity_graph.rows,)


def main() -> None:
    """Measure and print."""
    chosen = arguments(__doc__ or "")
    show((row for part in PARTS for row in part(quick=chosen.quick)), chosen.json)


if __name__ == "__main__":
    main()
