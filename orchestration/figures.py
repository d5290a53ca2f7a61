"""What a run found, read from the warehouse: the figures that the demo prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb

# Precision and recall over pairs of records, from `judged`: person_key and person_id of each.
# Two records of one person, found to be one, are a pair. Counting pairs by groups, instead of
# listing them, stays linear in the number of records.
PAIRWISE_QUALITY = """
with cells as (
    select person_key, person_id, count(*) as records
    from ({judged}) as judged
    group by 1, 2
),

true_people as (select sum(records) as records from cells group by person_key),

found_people as (select sum(records) as records from cells group by person_id)

select
    (select sum(records * (records - 1)) from cells)
    / (select sum(records * (records - 1)) from found_people),
    (select sum(records * (records - 1)) from cells)
    / (select sum(records * (records - 1)) from true_people)
"""
# A record that was given to nobody counts as a person of its own.
_JUDGED = """
select
    truth.person_key,
    coalesce(found.person_id, truth.source_name || '/' || truth.source_id) as person_id
from read_csv(?, all_varchar = true) as truth
left join marts.person_records as found using (source_name, source_id)
"""


@dataclass(frozen=True)
class Segment:
    """One segment and how many are in it."""

    name: str
    label: str
    members: int


class Figures:
    """A look into a DuckDB warehouse that nobody is writing, until it is closed."""

    def __init__(self, warehouse: Path) -> None:
        self._connection = duckdb.connect(str(warehouse), read_only=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of one statement."""
        return self._connection.execute(statement, parameters).fetchall()

    def count(self, relation: str, condition: str = "true") -> int:
        """Return the number of rows of a relation that meet a condition."""
        return int(self.rows(f"select count(*) from {relation} where {condition}")[0][0])

    def total(self, relation: str, measure: str, condition: str = "true") -> Any:
        """Return the sum of a measure over the rows that meet a condition."""
        select = f"select coalesce(sum({measure}), 0) from {relation} where {condition}"
        return self.rows(select)[0][0]

    def identity_quality(self, truth: Path) -> tuple[float, float]:
        """Return pairwise precision and recall of identity against a file of the truth."""
        precision, recall = self.rows(PAIRWISE_QUALITY.format(judged=_JUDGED), str(truth))[0]
        return float(precision), float(recall)

    def landing(self) -> list[tuple[str, int, int, int, int]]:
        """Return what landed per source: rows landed, accepted, quarantined, duplicates."""
        return [
            (str(source), int(landed), int(accepted), int(quarantined), int(duplicates))
            for source, landed, accepted, quarantined, duplicates in self.rows(
                "select source_name, sum(landed), sum(accepted), sum(quarantined), sum(duplicates) "
                "from marts.landing_counts group by 1 order by 1"
            )
        ]

    def quarantined(self) -> list[tuple[str, str, int]]:
        """Return how many rows wait for their rule to be mended: source, reason, rows."""
        return [
            (str(source), str(reason), int(rows))
            for source, reason, rows in self.rows(
                "select source_name, quarantine_reason, count(*) from marts.quarantined_rows "
                "group by 1, 2 order by 1, 3 desc"
            )
        ]

    def segments(self, manifest: Mapping[str, Any]) -> list[Segment]:
        """Return every segment of the project with its size."""
        return [
            Segment(
                node["name"],
                node["config"]["meta"]["segment"]["label"],
                self.count(f"{node['schema']}.{node['alias']}"),
            )
            for node in manifest["nodes"].values()
            if "segment" in node["config"].get("meta", {})
        ]
