"""Pairs of records that are probably about one person; see identity/matching.py."""


def model(dbt, session):
    """Return left_node, right_node, probability and why the pair merges nobody, if it does not."""
    from reverse_etl.identity.matching import match_records  # noqa: PLC0415 - dbt parses this file

    return match_records(dbt.ref("int_records_described").to_arrow_table())
