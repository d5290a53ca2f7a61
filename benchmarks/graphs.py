"""Graphs of identifiers in the shapes that real ones have, drawn in DuckDB, the same each time."""

from __future__ import annotations

from pathlib import Path

import duckdb

HUBS = (10_000, 50_000, 200_000)
CHAINS = (1_000, 10_000, 100_000)
# Draws that make this many edges on average, hubs and chains left out.
EDGES_PER_DRAW = 4.1
CHANGED = 100


def draw(path: Path, edges: int, *, chains: bool) -> None:
    """Write the table ``edges`` (left_id, right_id: text) of about so many rows, in no order.

    Of the draws 20 % are lone records, 40 % pairs, 30 % trees of 3 to 9 identifiers, 8 % people who
    share a device in fours, 2 % browsers with 10 to 60 cookies; then the hubs and, where asked for,
    two chains of each length, one whose ids ascend along it. A tenth is there twice, turned round.
    Tables ``news`` (1 % more edges, of which 40 % join what is there) and ``gone`` (1,000 edges)
    are what a day changes.
    """
    scale = min(1.0, edges / 10_000_000)
    parts = [
        "select 'rec:' || i as a, 'rec:' || i as b from draws where shape < 200",
        "select 'rec:' || i, 'mail:' || i || '@example.com' from draws"
        " where shape between 200 and 599",
        "select 'user:' || i || '-' || k // 2, 'user:' || i || '-' || k"
        " from (from draws select i, unnest(range(1, 3 + luck % 7)) as k"
        " where shape between 600 and 899)",
        "select 'device:' || i // 4, 'member:' || i from draws where shape between 900 and 979",
        "select 'member:' || i, 'mail:' || i || '@example.com' from draws"
        " where shape between 900 and 979",
        "select 'user:' || i, 'cookie:' || i || '-' || k"
        " from (from draws select i, unnest(range(10 + luck % 51)) as k where shape >= 980)",
        *(
            f"select 'hub:{size}', 'visit:{size}-' || i from range({int(size * scale)}) t(i)"
            for size in HUBS
        ),
    ]
    for length in CHAINS if chains else ():
        steps = f"from range({int(length * min(1, scale * 10))}) t(i)"
        parts.append(f"select {_step('step', length, 0)}, {_step('step', length, 1)} {steps}")
        parts.append(f"select {_hop(length, 0)}, {_hop(length, 1)} {steps}")
    with duckdb.connect(str(path)) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            f"""
            create table edges as
            with draws as (
                select
                    i,
                    (hash(i * 7 + 1) % 1000)::int as shape,
                    (hash(i * 13 + 5) % 420)::int as luck
                from range({int(edges / EDGES_PER_DRAW)}) t(i)
            ),
            once as ({" union all ".join(parts)})
            select left_id, right_id
            from (
                select a as left_id, b as right_id from once
                union all
                select b, a from once where hash(a || b) % 10 = 0
            )
            order by hash(left_id || right_id)
            """
        )
        drawn = "hash('news' || left_id || right_id)"
        connection.execute(
            f"""
            create temporary table ends as
            select left_id, row_number() over (order by {drawn}) as n
            from edges
            where {drawn} % {CHANGED} = 0
            """
        )
        connection.execute(
            """
            create table news as
            select
                firsts.left_id,
                case when firsts.n % 10 < 4 then seconds.left_id else 'new:' || firsts.n end
                    as right_id
            from ends as firsts
            inner join ends as seconds on seconds.n = firsts.n + 1
            """
        )
        connection.execute(
            "create table gone as from edges where left_id <> right_id"
            " order by hash('gone' || left_id || right_id), left_id, right_id limit 1000"
        )


def draw_chain(path: Path, length: int, *, ordered: bool) -> None:
    """Write the table ``edges`` of one chain of so many nodes, whose ids ascend along it or not."""
    step = (lambda by: _step("step", length, by)) if ordered else (lambda by: _hop(length, by))
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"create table edges as select {step(0)} as left_id, {step(1)} as right_id"
            f" from range({length - 1}) t(i) order by hash(i)"
        )


def _step(kind: str, length: int, by: int) -> str:
    return f"'{kind}:{length}-' || lpad((i + {by})::varchar, 8, '0')"


def _hop(length: int, by: int) -> str:
    return f"'hop:' || md5('{length}-' || (i + {by}))"
