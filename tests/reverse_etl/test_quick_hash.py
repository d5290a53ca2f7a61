"""What is compared before fingerprints are takes no change for none."""

from __future__ import annotations

import duckdb
import pytest

from reverse_etl.warehouse.dialect import DuckDB

WORD = 8


@pytest.mark.parametrize("first", range(WORD))
def test_no_two_texts_are_alike_that_differ_in_the_same_places(first: int) -> None:
    """DuckDB's own hash confuses texts that differ in the same byte of two words of eight."""
    hashed = DuckDB().quick_hash({"said": "said"}, {"said": "VARCHAR"})
    with duckdb.connect() as warehouse:
        warehouse.execute("create table letters as select chr(i::int) as x from range(33, 80) t(i)")
        for second in range(WORD):
            gaps = (first, WORD + second - first - 1, WORD + first - second - 1)
            before = [f"repeat('q', {gap})" for gap in gaps]
            texts = f"{before[0]} || a.x || {before[1]} || b.x || {before[2]} || c.x || 'qq'"
            many, kinds = warehouse.execute(
                f"select count(*), count(distinct {hashed}) from (select {texts} as said "
                "from letters as a, letters as b, letters as c)"
            ).fetchone() or (0, 0)
            assert many == kinds == 47**3


def test_a_null_a_name_and_a_place_count() -> None:
    values = {"one": "'a'", "two": "null"}
    swapped = {"one": "null", "two": "'a'"}
    renamed = {"one": "'a'", "three": "null"}
    types = dict.fromkeys(("one", "two", "three"), "VARCHAR")
    with duckdb.connect() as warehouse:
        hashes = [DuckDB().quick_hash(each, types) for each in (values, swapped, renamed)]
        row = warehouse.execute(f"select {', '.join(hashes)}").fetchone()
    assert row is not None and len(set(row)) == 3
