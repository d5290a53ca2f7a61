"""What agreement in a field is worth, learnt from the records themselves.

The model is Fellegi and Sunter's (1969), fitted by Splink with expectation maximisation, so it
needs no labels: a level of agreement counts by how much oftener it is seen within a person than
between any two records, and for names and places by how rare the value is. One set of settings
serves all data; fields that a warehouse lacks fall away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

NAMES = ("first_name", "last_name")
FIELDS = (
    *NAMES,
    "birth_date",
    "national_id",
    "email",
    "phone",
    "house_number",
    "street",
    "address_line",
    "postcode",
    "city",
)
# Rules that hardly err, and how much of the truth they are believed to find: the prior, no more.
CERTAIN = (("national_id",), ("email",), ("phone",), (*NAMES, "birth_date"))
CERTAIN_RECALL = 0.8
# Within each, the other fields' agreement is learnt.
LEARN_WITHIN = (
    ("birth_date",),
    NAMES,
    ("national_id",),
    ("email",),
    ("phone",),
)
SAMPLED_PAIRS = 2_000_000
# Less likely pairs are of no use to a reviewer either.
LEAST_PROBABILITY = 0.1


def score(
    connection: duckdb.DuckDBPyConnection, fields: Collection[str], blocks: Iterable[str]
) -> None:
    """Learn from the table ``compared`` and write ``scored_pairs``.

    Args:
        connection: Holds ``compared``: ``unique_id``, the fields, the block keys.
        fields: Those of ``FIELDS`` that have values.
        blocks: Columns of ``compared``; records with an equal value in one are compared.
    """
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # noqa: PLC0415

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=_comparisons(fields),
        blocking_rules_to_generate_predictions=[block_on(block) for block in blocks],
        retain_matching_columns=False,
        max_iterations=50,
    )
    linker = Linker("compared", settings, DuckDBAPI(connection), set_up_basic_logging=False)
    certain = [rule for rule in CERTAIN if _finds_pairs(connection, rule, fields)]
    if certain:
        linker.training.estimate_probability_two_random_records_match(
            [block_on(*rule) for rule in certain], recall=CERTAIN_RECALL
        )
    # DuckDB draws the same sample twice only if one thread draws it.
    connection.execute("set threads = 1")
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=1)
    connection.execute("reset threads")
    for rule in LEARN_WITHIN:
        if _finds_pairs(connection, rule, fields):
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    predicted = linker.inference.predict(threshold_match_probability=LEAST_PROBABILITY)
    predicted.as_duckdbpyrelation().create("scored_pairs")


def _comparisons(fields: Collection[str]) -> list[Any]:
    """Return how each field is compared, of all fields only those that have values."""
    import splink.comparison_library as cl  # noqa: PLC0415

    first_name, last_name = NAMES
    known = {
        first_name: _name(first_name, last_name if last_name in fields else None),
        last_name: _name(last_name, first_name if first_name in fields else None),
        "birth_date": cl.DateOfBirthComparison("birth_date", input_is_string=True),
        "national_id": cl.DamerauLevenshteinAtThresholds("national_id", [1, 2]),
        "email": _email(),
        "phone": cl.DamerauLevenshteinAtThresholds("phone", [1, 2]),
        "house_number": _by_rarity(cl.DamerauLevenshteinAtThresholds("house_number", [1])),
        "street": _by_rarity(cl.JaroWinklerAtThresholds("street", [0.95, 0.85])),
        "address_line": _by_rarity(cl.JaroWinklerAtThresholds("address_line", [0.95, 0.85])),
        "postcode": _by_rarity(cl.DamerauLevenshteinAtThresholds("postcode", [1, 2])),
        "city": _by_rarity(cl.JaroWinklerAtThresholds("city", [0.95, 0.85])),
    }
    return [comparison for field, comparison in known.items() if field in fields]


def _name(column: str, other: str | None) -> Any:
    """Return how a name agrees, also with the other name, for the two are often exchanged.

    Each by itself, so that one name still counts where the other is missing.
    """
    import splink.comparison_level_library as cll  # noqa: PLC0415
    import splink.comparison_library as cl  # noqa: PLC0415

    exchanged = f"{column}_l = {other}_r or {other}_l = {column}_r"
    return cl.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            cll.NullLevel(column),
            cll.ExactMatchLevel(column, term_frequency_adjustments=True),
            *([cll.CustomLevel(exchanged, "exchanged")] if other else []),
            cll.DamerauLevenshteinLevel(column, 1),
            cll.JaroWinklerLevel(column, 0.92),
            cll.JaroWinklerLevel(column, 0.88),
            cll.ElseLevel(),
        ],
    )


def _email() -> Any:
    """Return how addresses agree: but for typos, or in the local part, not by likeness.

    Addresses are made of names, so likeness would count the likeness of the names again.
    """
    import splink.comparison_level_library as cll  # noqa: PLC0415
    import splink.comparison_library as cl  # noqa: PLC0415
    from splink import ColumnExpression  # noqa: PLC0415

    local_part = ColumnExpression("email").regex_extract("^[^@]+")
    return cl.CustomComparison(
        output_column_name="email",
        comparison_levels=[
            cll.NullLevel("email"),
            cll.ExactMatchLevel("email", term_frequency_adjustments=True),
            cll.DamerauLevenshteinLevel("email", 2),
            cll.ExactMatchLevel(local_part),
            cll.DamerauLevenshteinLevel(local_part, 2),
            cll.ElseLevel(),
        ],
    )


def _by_rarity(comparison: Any) -> Any:
    return comparison.configure(term_frequency_adjustments=True)


def _finds_pairs(
    connection: duckdb.DuckDBPyConnection, rule: Collection[str], fields: Collection[str]
) -> bool:
    """Whether two records agree in all columns of a rule."""
    if not set(rule) <= set(fields):
        return False
    columns = ", ".join(rule)
    known = " and ".join(f"{column} is not null" for column in rule)
    return bool(
        connection.execute(
            f"select 1 from compared where {known} group by {columns} having count(*) > 1 limit 1"
        ).fetchone()
    )
