"""Probabilistic evidence: how likely two staged records are to be about one person.

It runs in a DuckDB of its own in memory: the caller brings records and takes pairs, whatever
warehouse they live in. What agreement is worth, ``identity.agreement`` learns from the records.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Collection
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from reverse_etl.errors import SeamlineError
from reverse_etl.identity.agreement import FIELDS, score
from reverse_etl.identity.clusters import refusals

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# What two records must share to be compared at all. One value is enough, since a typo rarely hits
# every field; the combinations serve where each value alone is too common.
CANDIDATES = (
    "least(first_name, last_name) || '|' || greatest(first_name, last_name)",
    "first_name",
    "last_name",
    "birth_date",
    "national_id",
    "email",
    "split_part(email, '@', 1)",
    "phone",
    "street",
    "address_line",
    "postcode",
    "city",
    "house_number || '|' || postcode",
    "house_number || '|' || street",
    "last_name || '|' || city",
    "last_name || '|' || postcode",
    "last_name || '|' || substr(birth_date, 1, 4)",
    "first_name || '|' || city",
    "first_name || '|' || substr(birth_date, 1, 4)",
)
# A value that more descriptions share says too little to compare each pair of them. Comparisons
# therefore grow with the records and not with their square.
LARGEST_BLOCK = 100
# So few descriptions are compared each with each: a million pairs take seconds.
FEW = 1_500


class MatchingError(SeamlineError):
    """Records cannot be scored: the extra is missing, or there is nothing to compare."""


def match_records(records: pa.Table) -> pa.Table:
    """Return the pairs of records that may be about one person.

    Args:
        records: ``record_node`` (text, unique) and any of ``FIELDS`` (text in comparable form,
            dates as ISO 8601; null where unknown).

    Returns:
        ``left_node`` < ``right_node`` (text), ``probability`` (double, 0 to 1) and
        ``refusal_reason`` (text, see ``refusals``; null where the pair is one person). Of records
        that say exactly the same, all are paired with the first of them only.

    Raises:
        MatchingError: Splink is not installed, or no two fields can be compared.
    """
    try:
        import duckdb  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415
        import splink  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise MatchingError(
            "Probabilistic matching needs the extra: pip install 'seamline[probabilistic]'."
        ) from None
    with duckdb.connect() as connection:
        connection.register("records", records)
        fields = _fields_with_values(connection, records.column_names)
        blocks = _describe(connection, fields)
        # Splink tells its progress on standard output, which is the caller's, and warns of levels
        # of agreement that the data never show; their default weights stand in.
        logging.getLogger("splink").setLevel(logging.ERROR)
        with redirect_stdout(io.StringIO()):
            score(connection, fields, blocks)
        pairs = connection.execute(_SCORED).to_arrow_table()
        reasons = refusals(*(pairs.column(name).to_pylist() for name in pairs.column_names))
        judged = pairs.append_column("refusal_reason", pa.array(reasons, pa.string()))
        connection.register("judged", judged)
        return connection.execute(_JUDGED).to_arrow_table()


def _fields_with_values(
    connection: duckdb.DuckDBPyConnection, columns: Collection[str]
) -> list[str]:
    present = [field for field in FIELDS if field in columns]
    counted = ", ".join(f"count({field})" for field in present) or "0"
    counts = connection.execute(f"select {counted} from records").fetchone() or ()
    fields = [field for field, count in zip(present, counts, strict=False) if count]
    if len(fields) < 2:
        raise MatchingError(
            f"Records say no two of {', '.join(FIELDS)}, so there is nothing to compare. Stage "
            "them as attributes (stg_<source>__attributes)."
        )
    return fields


def _describe(connection: duckdb.DuckDBPyConnection, fields: Collection[str]) -> list[str]:
    """Make ``compared``, the table that is scored; return its columns of block keys.

    Two copies of each description are compared, so that the model also says what it makes of
    records that agree in everything; a third copy would only repeat that.
    """
    listed = ", ".join(fields)
    connection.execute(f"""
        create table described as
        select
            *,
            first_value(record_node) over same as representative,
            row_number() over same as copy
        from records
        where coalesce({listed}) is not null
        window same as (partition by {listed} order by record_node)
    """)
    unknown = [field for field in FIELDS if field not in fields]
    keys = [key for key in CANDIDATES if not any(field in key for field in unknown)]
    blocks = [f"block_{position}" for position in range(len(keys))]
    capped = ", ".join(
        f"case when count(*) over (partition by {key}) <= {LARGEST_BLOCK} then {key} end as {block}"
        for key, block in zip(keys, blocks, strict=True)
    )
    ((count,),) = connection.execute("select count(*) from described where copy <= 2").fetchall()
    if count <= FEW:
        blocks, capped = ["everybody"], "'' as everybody"
    connection.execute(f"""
        create table compared as
        select record_node as unique_id, {listed}, {capped}
        from described
        where copy <= 2
        order by record_node
    """)
    return blocks


_SCORED = """
select
    least(unique_id_l, unique_id_r) as left_node,
    greatest(unique_id_l, unique_id_r) as right_node,
    -- Sums taken by several threads differ in their last digits from run to run.
    round(match_probability, 9) as probability
from scored_pairs
order by 1, 2
"""

# What holds of the second copy of a description holds of every further one.
_JUDGED = """
select left_node, right_node, probability, refusal_reason from judged
union all
select described.representative, described.record_node, judged.probability, judged.refusal_reason
from described
inner join described as second on described.representative = second.representative
inner join judged
    on judged.left_node = second.representative and judged.right_node = second.record_node
where described.copy > 2 and second.copy = 2
order by 1, 2
"""
