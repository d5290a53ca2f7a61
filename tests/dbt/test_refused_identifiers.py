"""What may merge nobody: values that are none, types nobody knows, and sources out of scope."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from tests.conftest import ROOT, Workspace
from tests.dbt.histories import History, Record
from tests.dbt.test_person_ids import of

TYPES = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"][
    "identifier_types"
]
# Of each type, what its normaliser makes nothing of, though two records carry it.
JUNK = {"email": "ada at example.org", "phone": "+49 0000", "fax": "+49 30 901820"}


def loyal(source: str, user_id: str, card: str) -> Record:
    return Record([("user_id", user_id), ("loyalty_id", card)], source=source)


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Junk of every kind on two records each; cards that the shop alone may merge people by."""
    types = {**TYPES, "loyalty_id": {**TYPES["loyalty_id"], "sources": ["shop"]}}
    workspace = Workspace(tmp_path_factory.mktemp("refused") / "live")
    workspace.folder.mkdir()
    history = History(workspace, variables={"identifier_types": types})
    junk = {
        f"{kind}/{side}": of(user_id=f"{kind}-{side}", **{kind: value})
        for kind, value in JUNK.items()
        for side in ("left", "right")
    }
    history.day(
        "2026-11-01",
        {
            **junk,
            "junk alone": of(email=JUNK["email"], phone=JUNK["phone"]),
            "till/one": loyal("shop", "shop-one", "card-shop"),
            "till/two": loyal("shop", "shop-two", "card-shop"),
            "lead/one": loyal("crm", "crm-one", "card-crm"),
            "lead/two": loyal("crm", "crm-two", "card-crm"),
            "till/three": loyal("shop", "shop-three", "card-both"),
            "lead/three": loyal("crm", "crm-three", "card-both"),
        },
    )
    return history


def refused(history: History, kind: str, value: str) -> list[tuple[object, ...]]:
    return history.rows(
        "select reason, record_count, source_count from marts.identity_refused"
        " where identifier_type = ? and identifier_value_hash = ?",
        kind,
        hashlib.sha256(value.encode()).hexdigest(),
    )


def person_of_record(history: History, source: str, record: str) -> str | None:
    found = history.rows(
        "select person_id from marts.person_records where source_name = ? and source_id = ?",
        source,
        record,
    )
    return str(found[0][0]) if found else None


def people_of_card(history: History, card: str) -> list[tuple[object, ...]]:
    """Who the map says has a card."""
    return history.rows(
        "select person_id from marts.identity_person_map where is_current and identifier_key = ?",
        hashlib.md5(f"loyalty_id:{card}".encode()).hexdigest(),
    )


@pytest.mark.parametrize("kind", JUNK)
def test_a_value_that_is_none_merges_nobody_and_says_why(resolved: History, kind: str) -> None:
    expected = 3 if kind in ("email", "phone") else 2  # the third record has nothing else
    assert refused(resolved, kind, JUNK[kind]) == [("invalid", expected, 1)]
    people = resolved.people()
    assert (kind, JUNK[kind]) not in people
    left, right = people["user_id", f"{kind}-left"], people["user_id", f"{kind}-right"]
    assert left != right
    assert person_of_record(resolved, "crm", f"{kind}/left") == left
    assert person_of_record(resolved, "crm", f"{kind}/right") == right
    born = {change[1] for change in resolved.changes() if change[0] == "created"}
    assert {left, right} <= born


def test_who_has_nothing_but_junk_is_counted_and_is_nobody(resolved: History) -> None:
    assert person_of_record(resolved, "crm", "junk alone") is None
    assert resolved.rows(
        "select identifier_type, refusal_reason from intermediate.int_identity_edges"
        " where source_id = 'junk alone' order by 1"
    ) == [("email", "invalid"), ("phone", "invalid")]


@pytest.mark.parametrize("kind", JUNK)
def test_what_was_no_value_is_explained_as_that_and_not_shown(resolved: History, kind: str) -> None:
    asked = ("explain", "identity", f"crm/{kind}/left", f"crm/{kind}/right")
    said = resolved.workspace.seamline(*asked).stdout
    assert "are kept apart" in said
    assert "it cannot be normalised" in said
    assert JUNK[kind] not in said
    assert JUNK[kind] in resolved.workspace.seamline(*asked, "--show-pii").stdout


def test_the_source_that_is_listed_merges_and_the_other_does_not(resolved: History) -> None:
    people = resolved.people()
    assert people["user_id", "shop-one"] == people["user_id", "shop-two"]
    assert people["loyalty_id", "card-shop"] == people["user_id", "shop-one"]
    assert people_of_card(resolved, "card-shop") == [(people["user_id", "shop-one"],)]
    assert refused(resolved, "loyalty_id", "card-shop") == []

    assert people["user_id", "crm-one"] != people["user_id", "crm-two"]
    assert ("loyalty_id", "card-crm") not in people
    assert people_of_card(resolved, "card-crm") == []
    assert refused(resolved, "loyalty_id", "card-crm") == [("out_of_scope", 2, 1)]


def test_a_card_in_both_sources_is_that_of_the_one_in_scope(resolved: History) -> None:
    people = resolved.people()
    assert people["loyalty_id", "card-both"] == people["user_id", "shop-three"]
    assert people["user_id", "crm-three"] != people["user_id", "shop-three"]
    assert refused(resolved, "loyalty_id", "card-both") == [("out_of_scope", 1, 1)]
