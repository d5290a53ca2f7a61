"""Normalising and hashing, held against vectors that vendors print and answers decided by us."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.conversation.identifiers import RULES, normalise, prepare

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "hash_vectors.json"
OUR_NAMES = {"em": "email", "fn": "first_name"}
OUR_VENDORS = {"google-data-manager": "google"}
DECIDED = {
    'Meta FN "José"': ("meta", "first_name"),
    'Meta FN "O\'Neil"': ("meta", "first_name"),
    'Meta ZIP "94035-1234"': ("meta", "postcode"),
    'Meta PHONE "0044 20 7946 0958"': ("meta", "phone"),
    'Google email "John.Doe+promo@Gmail.COM"': ("google", "email"),
    "TikTok phone": ("tiktok", "phone"),
}


def vectors() -> list[tuple[str, str, dict[str, Any]]]:
    """(vendor, identifier, vector) for every vector of a vendor that has rules."""
    if not VECTORS.exists():
        return []
    content = json.loads(VECTORS.read_text())
    published = [
        (
            OUR_VENDORS.get(item["vendor"], item["vendor"]),
            OUR_NAMES.get(item["field"], item["field"]),
            item,
        )
        for item in content["published_by_vendor"]
    ]
    decided = [
        (*DECIDED[item["field"]], item)
        for item in content["recommended"]
        if item["field"] in DECIDED
    ]
    return [found for found in published + decided if found[0] in RULES]


def test_vectors_are_found() -> None:
    if not VECTORS.exists():
        pytest.skip(f"the vendors' vectors are not at {VECTORS}")
    assert len(vectors()) == 5 + len(DECIDED)


@pytest.mark.parametrize(("vendor", "identifier", "vector"), vectors())
def test_vectors_agree(vendor: str, identifier: str, vector: dict[str, Any]) -> None:
    value, _, country = vector["input"].partition(" (US")  # the country, where it is written
    country = "US" if country else ""
    assert normalise(vendor, identifier, value, country) == vector["normalised"]
    assert prepare(vendor, identifier, value, country) == vector["sha256"]


@pytest.mark.parametrize(
    ("identifier", "value", "country", "expected"),
    [
        ("email", "  Ada.Example+News@Example.COM ", "", "ada.example+news@example.com"),
        ("email", "ada example@example.com", "", ""),
        ("email", "ada@example", "", ""),
        ("email", None, "", ""),
        ("phone", "+44 (20) 7946-0958", "", "442079460958"),
        ("phone", "020 7946 0958", "GB", "442079460958"),
        ("phone", "020 7946 0958", "", ""),
        ("phone", "212 555 0100", "US", "12125550100"),
        # Without a country these digits would be a number in Morocco.
        ("phone", "212 555 0100", "", ""),
        ("phone", "000-0000", "US", ""),
        ("first_name", "Jose\u0301", "", "josé"),
        ("first_name", "Anna-Maria", "", "annamaria"),
        ("first_name", "  Mary  Ann ", "", "mary ann"),
        ("first_name", "Ольга", "", "ольга"),
        ("last_name", "'-.", "", ""),
        ("city", "São Paulo", "", "sãopaulo"),
        ("city", "St. Moritz", "", "stmoritz"),
        ("state", "CA", "US", "ca"),
        ("state", "California", "US", ""),
        ("state", "California", "", ""),
        ("state", "CA", "", "ca"),
        ("state", "Nouvelle-Aquitaine", "FR", "nouvelleaquitaine"),
        ("postcode", "SW1A 1AA", "GB", "sw1a1aa"),
        ("postcode", "1000-205", "PT", "1000205"),
        ("postcode", "94035-1234", "United States", "94035"),
        ("country", "GB", "", "gb"),
        ("country", "United Kingdom", "", ""),
        ("country", "UK", "", ""),
        ("external_id", "person-7", "", "person-7"),
        ("external_id", "ada@example.com", "", ""),
        ("external_id", "+442079460958", "", ""),
        ("external_id", "020 7946 0958", "", ""),
        ("external_id", "442079460958", "", ""),
        ("external_id", "(212) 555-0100", "", ""),
        ("external_id", "Hedwig Example", "", ""),
        ("external_id", "Hedwig", "", ""),
        ("external_id", "5f2b9c01", "", "5f2b9c01"),
    ],
)
def test_meta_normalises(identifier: str, value: object, country: str, expected: str) -> None:
    assert normalise("meta", identifier, value, country) == expected


def test_a_hash_is_recognised_and_not_hashed_again() -> None:
    hashed = hashlib.sha256(b"ada@example.com").hexdigest()
    assert prepare("meta", "email", f" {hashed.upper()} ") == hashed
    assert prepare("meta", "phone", hashed) == hashed


def test_a_hash_of_a_whole_date_is_no_part_of_it() -> None:
    hashed = hashlib.sha256(b"19790304").hexdigest()
    assert prepare("meta", "birth_year", hashed) == ""
    assert prepare("meta", "birth_year", "1979-03-04") == hashlib.sha256(b"1979").hexdigest()


@pytest.mark.parametrize(
    ("vendor", "identifier", "value", "country", "expected"),
    [
        ("meta", "birth_month", "1979-03-04", "", "03"),
        ("meta", "birth_day", "1979-03-04 00:00:00", "", "04"),
        ("meta", "birth_day", "1979-02-30", "", ""),
        ("meta", "birth_year", "04/03/1979", "", ""),
        ("meta", "gender", "Female", "", "f"),
        ("meta", "gender", "x", "", ""),
        ("meta", "mobile_id", " 6F1E3C52-8A11-4C0B-9F5E-0A1B2C3D4E5F", "",
         "6f1e3c52-8a11-4c0b-9f5e-0a1b2c3d4e5f"),
        ("meta", "mobile_id", "00000000-0000-0000-0000-000000000000", "", ""),
        ("meta", "mobile_id", "ada@example.com", "", ""),
        ("google", "email", "J.o.h.n+x@googlemail.com", "", "john@googlemail.com"),
        ("google", "email", "J.Doe+x@example.com", "", "j.doe+x@example.com"),
        ("google", "email", "j doe@gmail.com", "", ""),
        ("google", "email", "+x@gmail.com", "", ""),
        ("google", "phone", "0044 20 7946 0958", "", "+442079460958"),
        ("google", "first_name", "Mrs. Anna-Maria", "", "annamaria"),
        ("google", "first_name", "Drew", "", "drew"),
        ("google", "last_name", "Example, Jr.", "", "example"),
        ("google", "last_name", "Example III", "", "example"),
        ("google", "last_name", "Marshall", "", "marshall"),
        ("google", "postcode", " sw1a  1aa ", "", "SW1A 1AA"),
        ("google", "postcode", "94035-1234", "US", "94035-1234"),
        ("google", "postcode", "ada@example.com", "", ""),
        ("google", "postcode", "Nobodysson", "", ""),
        ("google", "postcode", "02079460958", "", ""),
        ("google", "postcode", "01310-100", "BR", "01310-100"),
        ("google", "country", "gb", "", "GB"),
        ("google", "country", "Germany", "", ""),
        ("tiktok", "email", "J.Doe+x@Gmail.com", "", "j.doe+x@gmail.com"),
        ("linkedin", "email", " J.Doe@Example.com ", "", "j.doe@example.com"),
    ],
)  # fmt: skip
def test_vendors_normalise(
    vendor: str, identifier: str, value: str, country: str, expected: str
) -> None:
    assert normalise(vendor, identifier, value, country) == expected


EVERY_RULE = [(vendor, name) for vendor, rules in RULES.items() for name in rules]


@pytest.mark.parametrize(("vendor", "identifier"), EVERY_RULE)
@pytest.mark.parametrize("value", [None, "", "   ", "\u200b", "-"])
def test_nothing_is_never_hashed(vendor: str, identifier: str, value: object) -> None:
    prepared = prepare(vendor, identifier, value)
    assert prepared in ("", "-") if not RULES[vendor][identifier].hashed else prepared == ""


@given(rule=st.sampled_from(EVERY_RULE), value=st.text(max_size=40))
def test_what_leaves_is_a_hash_or_nothing(rule: tuple[str, str], value: str) -> None:
    prepared = prepare(*rule, value)
    if RULES[rule[0]][rule[1]].hashed and prepared:
        assert len(prepared) == 64
        assert prepared != hashlib.sha256(b"").hexdigest()
    assert "@" not in prepared
