"""Splink's own published examples for the public sets: settings, training and clustering.

Settings follow docs/demos/examples/duckdb/febrl3 and febrl4 and the quick start of Splink 4, with
the columns renamed. Where an example names no threshold for its clusters, each usual one is tried
and the best is taken, chosen with the truth in hand: in Splink's favour.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from orchestration.figures import PAIRWISE_QUALITY

THRESHOLDS = (0.5, 0.9, 0.95, 0.99)
_JUDGED = """
select people.person_key, clusters.cluster_id as person_id
from people
inner join {clusters} as clusters on people.record_id = clusters.record_id
"""


@dataclass(frozen=True)
class Example:
    """One example: how it trains on the tables of a set."""

    name: str
    tables: tuple[str, ...]
    train: Callable[[list[str], DuckDBAPI], Linker]

    def quality(self, query: str) -> tuple[float, float]:
        """Return pairwise precision and recall of its clusters, at its best threshold."""
        logging.getLogger("splink").setLevel(logging.ERROR)
        with duckdb.connect() as connection, redirect_stdout(io.StringIO()):
            columns = ", ".join(f"nullif(trim({name}), '') as {name}" for name in _COLUMNS)
            connection.execute(f"create table people as select {columns} from ({query})")
            for table in (each for each in self.tables if each != "people"):
                connection.execute(
                    f"create table {table} as select * from people"
                    f" where starts_with(record_id, '{table.removeprefix('set_')}')"
                )
            linker = self.train(list(self.tables), DuckDBAPI(connection))
            pairs = linker.inference.predict(threshold_match_probability=0.2)
            found = []
            for threshold in THRESHOLDS:
                clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
                    pairs, threshold
                )
                judged = _JUDGED.format(clusters=clusters.physical_name)
                statement = PAIRWISE_QUALITY.format(judged=judged)
                precision, recall = connection.execute(statement).fetchone() or (0.0, 0.0)
                found.append((float(precision), float(recall)))
        return max(found, key=lambda pair: pair[0] * pair[1] / (pair[0] + pair[1]))


_COLUMNS = (
    "record_id",
    "person_key",
    "first_name",
    "last_name",
    "birth_date",
    "national_id",
    "email",
    "house_number",
    "street",
    "postcode",
    "city",
    "state",
)


def _febrl3(tables: list[str], engine: DuckDBAPI) -> Linker:
    settings = SettingsCreator(
        unique_id_column_name="record_id",
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[
            block_on("national_id"),
            block_on("first_name"),
            block_on("last_name"),
            block_on("birth_date"),
            block_on("postcode"),
        ],
        comparisons=[
            cl.NameComparison("first_name"),
            cl.NameComparison("last_name"),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.DamerauLevenshteinAtThresholds("national_id", [2]),
            cl.ExactMatch("house_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
    )
    linker = Linker(tables, settings, engine, set_up_basic_logging=False)
    rules = [
        block_on("national_id"),
        block_on("first_name", "last_name", "birth_date"),
        "l.first_name = r.last_name and l.last_name = r.first_name and l.birth_date = r.birth_date",
    ]
    linker.training.estimate_probability_two_random_records_match(rules, recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=2)
    for column in ("birth_date", "postcode"):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(column))
    return linker


def _febrl4(tables: list[str], engine: DuckDBAPI) -> Linker:
    by_rarity = {"term_frequency_adjustments": True}
    settings = SettingsCreator(
        unique_id_column_name="record_id",
        link_type="link_only",
        blocking_rules_to_generate_predictions=[
            block_on("first_name", "last_name"),
            "l.first_name = r.last_name and l.last_name = r.first_name",
            block_on("birth_date"),
            block_on("national_id"),
            block_on("state", "street"),
            block_on("house_number", "street"),
            block_on("postcode"),
        ],
        comparisons=[
            cl.NameComparison("first_name").configure(**by_rarity),
            cl.NameComparison("last_name").configure(**by_rarity),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.DamerauLevenshteinAtThresholds("national_id", [1, 2]),
            cl.ExactMatch("house_number").configure(**by_rarity),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(**by_rarity),
        ],
    )
    linker = Linker(tables, settings, engine, set_up_basic_logging=False)
    rules = [block_on("national_id"), block_on("first_name", "last_name", "birth_date")]
    linker.training.estimate_probability_two_random_records_match(rules, recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=2)
    for column in ("birth_date", "postcode"):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(column), estimate_without_term_frequencies=True
        )
    return linker


def _fake_people(tables: list[str], engine: DuckDBAPI) -> Linker:
    settings = SettingsCreator(
        unique_id_column_name="record_id",
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[
            block_on("first_name", "birth_date"),
            block_on("last_name"),
        ],
        comparisons=[
            cl.NameComparison("first_name"),
            cl.JaroAtThresholds("last_name"),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
    )
    linker = Linker(tables, settings, engine, set_up_basic_logging=False)
    rules = [block_on("first_name", "last_name")]
    linker.training.estimate_probability_two_random_records_match(rules, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=2)
    for rule in (block_on("first_name", "last_name"), block_on("email")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    return linker


febrl3 = Example("Splink's febrl3 example", ("people",), _febrl3)
febrl4 = Example("Splink's febrl4 example", ("set_4a", "set_4b"), _febrl4)
fake_people = Example("Splink's quick start", ("people",), _fake_people)
