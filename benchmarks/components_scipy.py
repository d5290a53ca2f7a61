"""The same components by scipy, from text ids to text ids: ``DATABASE`` in, table ``by_scipy`` out.

Runs in an environment of its own; prints ``seconds`` and ``cpu`` as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def resolve(connection: duckdb.DuckDBPyConnection) -> None:
    """Read, encode, label, name each component by its smallest id, and write."""
    edges = connection.sql("select left_id, right_id from edges").to_arrow_table()
    lefts = edges["left_id"].combine_chunks().cast(pa.large_string())
    rights = edges["right_id"].combine_chunks().cast(pa.large_string())
    encoded = pa.concat_arrays([lefts, rights]).dictionary_encode()
    keys = encoded.indices.to_numpy()
    count = len(encoded.dictionary)
    ends = (keys[: len(lefts)], keys[len(lefts) :])
    graph = coo_matrix((np.ones(len(lefts), dtype=np.int8), ends), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    nodes = pa.table({"node_id": encoded.dictionary, "label": labels})
    connection.register("nodes", nodes)
    connection.execute(
        """
        create or replace table by_scipy as
        with names as (select label, min(node_id) as component_id from nodes group by label)
        select nodes.node_id, names.component_id from nodes inner join names using (label)
        """
    )


def main() -> None:
    """Measure one run."""
    with duckdb.connect(sys.argv[1]) as connection:
        connection.execute("set threads = 2")
        begun, begun_cpu = time.monotonic(), time.process_time()
        resolve(connection)
        seconds, cpu = time.monotonic() - begun, time.process_time() - begun_cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main()
