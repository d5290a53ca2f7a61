"""The same components by Splink's clustering: ``DATABASE`` in, table ``by_splink`` out.

Runs in an environment of its own; prints ``seconds`` and ``cpu`` as JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time

import duckdb
from splink import DuckDBAPI
from splink.clustering import cluster_pairwise_predictions_at_threshold


def main() -> None:
    """Measure one run, from the table of edges to the table of clusters."""
    with duckdb.connect(sys.argv[1]) as connection, contextlib.redirect_stdout(sys.stderr):
        connection.execute("set threads = 2")
        begun, begun_cpu = time.monotonic(), time.process_time()
        connection.execute(
            """
            create or replace temp table links as
            select left_id as unique_id_l, right_id as unique_id_r from edges
            where left_id <> right_id
            """
        )
        connection.execute(
            """
            create or replace temp table nodes as
            select left_id as unique_id from edges union select right_id from edges
            """
        )
        api = DuckDBAPI(connection=connection)
        clusters = cluster_pairwise_predictions_at_threshold(
            api.register("nodes"),
            api.register("links"),
            db_api=api,
            node_id_column_name="unique_id",
            edge_id_column_name_left="unique_id_l",
            edge_id_column_name_right="unique_id_r",
        )
        connection.execute(
            "create or replace table by_splink as"
            " select unique_id as node_id, cluster_id as component_id"
            f" from {clusters.physical_name}"
        )
        seconds, cpu = time.monotonic() - begun, time.process_time() - begun_cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main()
