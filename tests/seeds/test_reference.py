"""The reference tables against the libraries that keep them: ISO 3166, ISO 4217, libphonenumber."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import phonenumbers
import pycountry
import pytest
from phonenumbers import PhoneMetadata

REFERENCE = Path(__file__).resolve().parents[2] / "seeds" / "reference"


def rows(table: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_countries_are_iso_3166_1() -> None:
    ours = {(row["country_code"], row["alpha_3"], row["country_name"]) for row in rows("countries")}
    assert ours == {(entry.alpha_2, entry.alpha_3, entry.name) for entry in pycountry.countries}


@pytest.mark.parametrize("row", rows("countries"), ids=lambda row: row["country_code"])
def test_dialling_rules_are_those_of_libphonenumber(row: dict[str, str]) -> None:
    metadata = PhoneMetadata.metadata_for_region(row["country_code"], None)
    if metadata is None:
        assert not row["calling_code"]
        return
    assert row["calling_code"] == str(metadata.country_code)
    assert row["trunk_prefix"] == (metadata.national_prefix or "")
    lengths = "|".join(str(length) for length in metadata.general_desc.possible_length)
    assert row["national_lengths"] == lengths
    main = phonenumbers.region_code_for_country_code(metadata.country_code)
    assert row["is_main_country"] == ("true" if main == row["country_code"] else "false")
    pattern = re.sub(r"\s", "", metadata.general_desc.national_number_pattern)
    assert row["national_pattern"] == pattern


def test_currencies_are_iso_4217() -> None:
    ours = {(row["currency_code"], row["currency_name"]) for row in rows("currencies")}
    assert ours == {(entry.alpha_3, entry.name) for entry in pycountry.currencies}


def test_minor_units_of_the_exceptions() -> None:
    units = {row["currency_code"]: row["minor_units"] for row in rows("currencies")}
    assert (units["EUR"], units["JPY"], units["KWD"], units["CLF"], units["XAU"]) == (
        "2", "0", "3", "4", "",
    )  # fmt: skip


def test_every_rate_is_of_a_known_currency_and_the_euro_is_one() -> None:
    known = {row["currency_code"] for row in rows("currencies")}
    rates = rows("exchange_rates")
    assert {row["currency_code"] for row in rates} <= known
    assert {float(row["eur_rate"]) for row in rates if row["currency_code"] == "EUR"} == {1.0}
    assert len({(row["currency_code"], row["valid_from"]) for row in rates}) == len(rates)
