"""Public sets of people whose truth is known, in the columns of ``benchmarks/people``."""

from __future__ import annotations

from pathlib import Path

import duckdb

# Public files, which this repository does not hold.
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

_FEBRL = """
select
    replace(trim(rec_id), 'rec-', '{name}-') as record_id,
    regexp_extract(rec_id, 'rec-([0-9]+)', 1) as person_key,
    '' as household_key,
    given_name as first_name,
    surname as last_name,
    -- What is no date stays as it is written: it may still be the same mistake twice.
    coalesce(
        strftime(try_strptime(trim(date_of_birth), '%Y%m%d'), '%Y-%m-%d'), trim(date_of_birth)
    ) as birth_date,
    soc_sec_id as national_id,
    '' as email,
    street_number as house_number,
    address_1 as street,
    address_2 as address_line,
    postcode,
    suburb as city,
    state
from read_csv('{path}', all_varchar = true, normalize_names = true, delim = ',', quote = '')
"""

_FAKE = """
select
    unique_id as record_id,
    cluster as person_key,
    '' as household_key,
    first_name,
    surname as last_name,
    dob as birth_date,
    '' as national_id,
    email,
    '' as house_number,
    '' as street,
    '' as address_line,
    '' as postcode,
    city,
    '' as state
from read_csv('{path}', all_varchar = true)
"""

_CENSUS = """
select
    '{name}-' || row_number() over () as record_id,
    simulant_id as person_key,
    household_id as household_key,
    first_name,
    last_name,
    date_of_birth as birth_date,
    '' as national_id,
    '' as email,
    street_number as house_number,
    street_name as street,
    unit_number as address_line,
    zipcode as postcode,
    city,
    state
from read_parquet('{path}')
"""


def febrl(*numbers: str) -> str:
    """Return a query for one FEBRL set, or for several files that belong together."""
    return " union all ".join(
        _FEBRL.format(name=number, path=DATA / "febrl" / f"dataset{number}.csv")
        for number in numbers
    )


def fake_people() -> str:
    """Return a query for Splink's fake_1000."""
    return _FAKE.format(path=DATA / "splink_fake_1000" / "fake_1000.csv")


def censuses(folder: Path) -> str:
    """Return a query for the censuses that ``pseudopeople`` wrote into a folder."""
    return " union all ".join(
        _CENSUS.format(name=path.stem, path=path) for path in sorted(folder.glob("*.parquet"))
    )


def write_set(query: str, folder: Path) -> None:
    """Write one set: ``raw/people/records.csv`` to land, ``truth.csv`` to judge by."""
    (folder / "raw" / "people").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"create table people as {query}")
        connection.execute(
            "copy (select * exclude (person_key, household_key) from people"
            f" order by md5(record_id)) to '{folder / 'raw' / 'people' / 'records.csv'}'"
        )
        connection.execute(
            "copy (select 'people' as source_name, 'records/' || record_id as source_id,"
            f" person_key, household_key from people) to '{folder / 'truth.csv'}'"
        )
