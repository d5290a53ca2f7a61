"""Normalising and hashing, held against vectors that vendors print and answers decided by us."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.identifiers import RULES, normalise, prepare

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "hash_vectors.json"
OUR_NAMES = {"em": "email", "fn": "first_name"}
DECIDED = {
    'Meta FN "José"': "first_name",
    'Meta FN "O\'Neil"': "first_name",
    'Meta ZIP "94035-1234"': "postcode",
    'Meta PHONE "0044 20 7946 0958"': "phone",
}


def vectors() -> list[tuple[str, str, dict[str, Any]]]:
    """(vendor, identifier, vector) for every vector of a vendor that has rules."""
    if not VECTORS.exists():
        return []
    content = json.loads(VECTORS.read_text())
    published = [
        (item["vendor"], OUR_NAMES.get(item["field"], item["field"]), item)
        for item in content["published_by_vendor"]
    ]
    decided = [
        ("meta", DECIDED[item["field"]], item)
        for item in content["recommended"]
        if item["field"] in DECIDED
    ]
    return [found for found in published + decided if found[0] in RULES]


def test_vectors_are_found() -> None:
    if not VECTORS.exists():
        pytest.skip(f"the vendors' vectors are not at {VECTORS}")
    assert len(vectors()) == 3 + len(DECIDED)


@pytest.mark.parametrize(("vendor", "identifier", "vector"), vectors())
def test_vectors_agree(vendor: str, identifier: str, vector: dict[str, Any]) -> None:
    assert normalise(vendor, identifier, vector["input"]) == vector["normalised"]
    assert prepare(vendor, identifier, vector["input"]) == vector["sha256"]


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
        ("postcode", "SW1A 1AA", "GB", "sw1a1aa"),
        ("postcode", "1000-205", "PT", "1000205"),
        ("country", "GB", "", "gb"),
        ("country", "United Kingdom", "", ""),
        ("country", "UK", "", ""),
        ("external_id", "person-7", "", "person-7"),
        ("external_id", "ada@example.com", "", ""),
        ("external_id", "+442079460958", "", ""),
    ],
)
def test_meta_normalises(identifier: str, value: object, country: str, expected: str) -> None:
    assert normalise("meta", identifier, value, country) == expected


def test_a_hash_is_recognised_and_not_hashed_again() -> None:
    hashed = hashlib.sha256(b"ada@example.com").hexdigest()
    assert prepare("meta", "email", f" {hashed.upper()} ") == hashed
    assert prepare("meta", "phone", hashed) == hashed


@pytest.mark.parametrize("identifier", sorted(RULES["meta"]))
@pytest.mark.parametrize("value", [None, "", "   ", "\u200b", "-"])
def test_nothing_is_never_hashed(identifier: str, value: object) -> None:
    prepared = prepare("meta", identifier, value)
    assert prepared in ("", "-") if identifier == "external_id" else prepared == ""


@given(identifier=st.sampled_from(sorted(RULES["meta"])), value=st.text(max_size=40))
def test_what_leaves_is_a_hash_or_nothing(identifier: str, value: str) -> None:
    prepared = prepare("meta", identifier, value)
    if RULES["meta"][identifier].hashed and prepared:
        assert len(prepared) == 64
        assert prepared != hashlib.sha256(b"").hexdigest()
    assert "@" not in prepared
