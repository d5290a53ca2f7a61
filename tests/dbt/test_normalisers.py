"""The SQL normalisers against libphonenumber and the ISO tables, on shared vectors.

A normaliser may give up (null: the value is kept raw and matches nothing), never disagree.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import duckdb
import phonenumbers
import pyarrow
import pycountry
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from tests.conftest import Workspace
from tests.postgres.server import PostgresServer

SUPPORTED = [
    "DE", "AT", "CH", "FR", "BE", "NL", "LU", "IT", "ES", "PT", "GB", "IE", "DK", "SE", "NO", "FI",
    "PL", "CZ", "SK", "HU", "RO", "BG", "GR", "HR", "SI", "EE", "LV", "LT", "TR", "UA", "US", "CA",
    "MX", "BR", "AU", "NZ", "JP", "IN", "SG", "HK", "ZA", "AE", "IL",
]  # fmt: skip
UNSUPPORTED = ["KE", "AR", "KR", "CN", "EG"]
JUNK = [
    "", " ", "0", "000-0000", "0000000000", "1234567890", "12345", "+", "++491701234567", "n/a",
    "call me", "1-800-FLOWERS", "555-1234 ext. 5", "+49", "+0049170", "99999999999999999999",
    "+7 912 345 67 89", "0800 123456", "+44 7700 900123", "(0)", "+49 (0)", "٠١٢٣٤٥٦٧٨٩",
]  # fmt: skip
EMAILS: list[tuple[str | None, str | None]] = [
    ("Ada@Example.COM", "ada@example.com"),
    ("  ada@example.org\t", "ada@example.org"),
    ("ada.b+news@mail.example.net", "ada.b+news@mail.example.net"),
    ("ada@", None),
    ("@example.org", None),
    ("ada.example.org", None),
    ("ada@example", None),
    ("ada@@example.org", None),
    ("ada@b@example.org", None),
    ("ada lovelace@example.org", None),
    ("ada@exam ple.org", None),
    ("ada@example..org", None),
    ("ada@.example.org", None),
    ("ada@example.org.", None),
    ("o'hara@example.org", "o'hara@example.org"),
    ("", None),
    (None, None),
]
COUNTRY_SYNONYMS = {
    "UK": "GB", "U.K.": "GB", "England": "GB", "usa": "US", "Deutschland": "DE", "Holland": "NL",
    "South Korea": "KR", " eire ": "IE", "RSA": "ZA", "Turkey": "TR", "Côte d'Ivoire": "CI",
}  # fmt: skip

Vector = tuple[str | None, str | None]


def expected_phone(raw: str, country: str | None) -> str | None:
    """What libphonenumber makes of it. Without a country, a leading 00 is meant as +."""
    text = raw.strip()
    if country is None and text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or number.extension:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def spellings(number: phonenumbers.PhoneNumber, country: str) -> list[Vector]:
    """The ways in which people write a number down."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return [
        (e164, None),
        (e164, country),
        (international, None),
        ("00" + e164[1:], None),
        (national, country),
        (national.replace(" ", "/", 1), country),
        (f" {national.replace(' ', '-')} ", country),
        (e164, "US"),
    ]


def phone_vectors() -> tuple[list[Vector], list[Vector]]:
    """Numbers as people write them, near misses among them; and junk and what has two readings."""
    chance = random.Random(20261101)
    vectors: list[Vector] = []
    doubtful: list[Vector] = [(raw, region) for raw in JUNK for region in (None, "DE", "US", "IT")]
    for country in (*SUPPORTED, *UNSUPPORTED):
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
            example = phonenumbers.example_number_for_type(country, kind)
            if example is None:
                continue
            vectors += spellings(example, country)
            digits = phonenumbers.national_significant_number(example)
            for _ in range(10):
                changed = list(digits)
                for position in chance.sample(range(1, len(changed)), 4):
                    changed[position] = chance.choice("0123456789")
                if chance.random() < 0.1:
                    changed.pop()
                text = "".join(changed)
                vectors.append((f"+{example.country_code}{text}", None))
                vectors.append((text, country))
                vectors.append(("0" + text, country))
                vectors.append((f"+{example.country_code} (0){text}", country))
                doubtful.append((f"{example.country_code}{text}", country))
    return list(dict.fromkeys(vectors)), list(dict.fromkeys(doubtful))


def is_personal(e164: str) -> bool:
    """Whether libphonenumber calls it a fixed or mobile number: toll-free names nobody."""
    return phonenumbers.number_type(phonenumbers.parse(e164)) in (
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )


def compiled(workspace: Workspace, expressions: Sequence[str], *arguments: str) -> list[str]:
    """The SQL of macro calls, as dbt compiles them for a target."""
    separator = "\n-- next\n"
    inline = separator.join("{{ " + expression + " }}" for expression in expressions)
    output = workspace.dbt("--quiet", "compile", "--inline", inline, *arguments).stdout
    parts = output.split(separator.strip())
    assert len(parts) == len(expressions), output
    return [part.strip() for part in parts]


EXPRESSIONS = [
    "normalise_phone('raw', 'country')",
    "normalise_country('raw')",
    "normalise_currency('raw')",
    "normalise_email('raw')",
]


@pytest.fixture(scope="module")
def on_duckdb(parsed: Workspace) -> list[str]:
    """The normalisers' SQL on DuckDB."""
    return compiled(parsed, EXPRESSIONS)


def run_on_duckdb(expression: str, vectors: Sequence[Vector]) -> list[str | None]:
    """The normaliser's answer to each vector, in order."""
    with duckdb.connect() as connection:
        raws, countries = zip(*vectors, strict=True)
        columns = {
            "position": pyarrow.array(range(len(vectors))),
            "raw": pyarrow.array(raws, pyarrow.string()),
            "country": pyarrow.array(countries, pyarrow.string()),
        }
        connection.register("vectors", pyarrow.table(columns))
        query = f"select {expression} from vectors order by position"
        return [row[0] for row in connection.execute(query).fetchall()]


def test_phones_are_libphonenumbers_or_null(on_duckdb: list[str]) -> None:
    plain, doubtful = phone_vectors()
    vectors = plain + doubtful
    answers = run_on_duckdb(on_duckdb[0], vectors)
    wrong, valid = [], []
    codes = tuple(f"+{phonenumbers.country_code_for_region(region)}" for region in SUPPORTED)
    for position, ((raw, country), answer) in enumerate(zip(vectors, answers, strict=True)):
        expected = expected_phone(raw or "", country)
        if answer is not None and answer != expected:
            wrong.append((raw, country, answer, expected))
        supported = expected is not None and expected.startswith(codes) and is_personal(expected)
        if supported and position < len(plain):
            valid.append(answer is not None)
    assert wrong == []
    print(f"phones: {sum(valid)} of {len(valid)} valid numbers of supported countries")
    assert len(valid) > 1_000
    assert sum(valid) / len(valid) >= 0.95


def test_countries_are_iso_3166_or_null(on_duckdb: list[str]) -> None:
    named = {}
    for country in pycountry.countries:
        for name in (country.alpha_2, country.alpha_3, country.name, country.name.upper()):
            named[name] = country.alpha_2
        named[getattr(country, "official_name", country.name)] = country.alpha_2
        named[getattr(country, "common_name", country.name)] = country.alpha_2
    named |= COUNTRY_SYNONYMS
    vectors: list[Vector] = [(name, None) for name in named]
    answers = run_on_duckdb(on_duckdb[1], vectors)
    pairs = list(zip(named.items(), answers, strict=True))
    assert [pair for pair in pairs if pair[1] not in (None, pair[0][1])] == []
    found = sum(answer is not None for answer in answers)
    print(f"countries: {found} of {len(pairs)} names")
    assert found / len(pairs) >= 0.95
    assert [name for (name, _), answer in pairs if name in COUNTRY_SYNONYMS and not answer] == []
    nowhere: list[Vector] = [(raw, None) for raw in ("", " ", "Atlantis", "XX", "|", "=", None)]
    assert run_on_duckdb(on_duckdb[1], nowhere) == [None] * len(nowhere)


def test_currencies_are_iso_4217_or_null(on_duckdb: list[str]) -> None:
    codes = [currency.alpha_3 for currency in pycountry.currencies]
    vectors: list[Vector] = [(f" {code.lower()}", None) for code in codes]
    answers = run_on_duckdb(on_duckdb[2], vectors)
    assert [
        pair for pair in zip(codes, answers, strict=True) if pair[1] not in (None, pair[0])
    ] == []
    found = sum(answer is not None for answer in answers)
    print(f"currencies: {found} of {len(codes)}")
    assert found / len(codes) >= 0.95
    nothing: list[Vector] = [(raw, None) for raw in ("", "EURO", "€", "EU", "XYZ", None)]
    assert run_on_duckdb(on_duckdb[2], nothing) == [None] * len(nothing)


def test_addresses_are_lower_case_or_null(on_duckdb: list[str]) -> None:
    answers = run_on_duckdb(on_duckdb[3], [(raw, None) for raw, _ in EMAILS])
    assert answers == [expected for _, expected in EMAILS]


def test_postgres_answers_as_duckdb_does(
    parsed: Workspace, on_duckdb: list[str], postgres: PostgresServer
) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    from psycopg2.extras import execute_values  # noqa: PLC0415 - an optional dependency

    names: list[Vector] = [(country.name, None) for country in pycountry.countries]
    plain, doubtful = phone_vectors()
    phones = (plain + doubtful)[::7]
    vectors = [*phones, *((raw, None) for raw, _ in EMAILS), *names, ("eur", None)]
    database = postgres.create_database("normalisers")
    target = Workspace(parsed.folder / "postgres", postgres.environment(database))
    expressions = compiled(target, EXPRESSIONS)
    address = {"host": "127.0.0.1", "port": postgres.port, "user": postgres.user}
    with psycopg2.connect(dbname=database, **address) as connection, connection.cursor() as cursor:
        cursor.execute("create temp table vectors (position bigint, raw text, country text)")
        rows: list[tuple[Any, ...]] = [(i, *vector) for i, vector in enumerate(vectors)]
        execute_values(cursor, "insert into vectors values %s", rows)
        for ours, theirs in zip(on_duckdb, expressions, strict=True):
            cursor.execute(f"select {theirs} from vectors order by position".replace("%", "%%"))
            answers = [row[0] for row in cursor.fetchall()]
            assert json.dumps(answers) == json.dumps(run_on_duckdb(ours, vectors))
