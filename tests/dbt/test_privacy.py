"""Whoever says no in any channel is suppressed everywhere, and only they can take it back."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.conftest import ROOT
from tests.dbt.conftest import JUNK_ADDRESS, Evening
from tests.extracts import read_rows


def rows(warehouse: Path, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def reasons(warehouse: Path, person_id: str) -> set[tuple[str, str]]:
    query = "select reason, source_name from marts.suppressions where person_id = ?"
    return set(rows(warehouse, query, person_id))


def state(warehouse: Path, person_id: str) -> tuple[str, str]:
    query = (
        "select state, source_name from marts.current_consents "
        "where person_id = ? and purpose = 'email_marketing'"
    )
    ((found, source_name),) = rows(warehouse, query, person_id)
    return found, source_name


def digest(address: str) -> str:
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def test_everybody_could_be_written_to_before(evening: Evening, built_warehouse: Path) -> None:
    people = {
        evening.unsubscribed,
        evening.bounced,
        evening.returned,
        evening.opted_out_in_hubspot,
        evening.opted_out_in_salesforce,
    }
    assert len(people) == 5
    for person in people:
        assert not reasons(built_warehouse, person)
        assert state(built_warehouse, person)[0] == "granted"


@pytest.mark.parametrize(
    ("who", "reason", "source_name"),
    [
        ("unsubscribed", "unsubscribed", "email"),
        ("opted_out_in_hubspot", "opted_out", "hubspot"),
        ("opted_out_in_salesforce", "opted_out", "crm"),
    ],
)
def test_a_no_in_any_channel_suppresses_the_person(
    who: str, reason: str, source_name: str, evening: Evening
) -> None:
    person = getattr(evening, who)
    assert reasons(evening.workspace.warehouse, person) == {(reason, source_name)}


def test_an_unsubscribe_is_a_refusal_that_outweighs_the_older_grant(evening: Evening) -> None:
    assert state(evening.workspace.warehouse, evening.unsubscribed) == ("denied", "email")


def test_a_later_explicit_grant_lifts_an_unsubscribe(evening: Evening) -> None:
    assert state(evening.workspace.warehouse, evening.returned) == ("granted", "consent")
    assert not reasons(evening.workspace.warehouse, evening.returned)


def test_no_grant_lifts_a_hard_bounce(evening: Evening) -> None:
    assert state(evening.workspace.warehouse, evening.bounced) == ("granted", "consent")
    assert reasons(evening.workspace.warehouse, evening.bounced) == {("hard_bounce", "email")}


def test_an_address_that_nobody_holds_is_suppressed_by_itself(evening: Evening) -> None:
    found = rows(
        evening.workspace.warehouse,
        "select person_id, reason from marts.suppressions where identifier_hash = ?",
        digest(JUNK_ADDRESS),
    )
    assert found == [(None, "unsubscribed")], "junk that many people type suppresses none of them"


def test_a_suppression_knows_an_address_by_its_hash_alone(evening: Evening) -> None:
    warehouse = evening.workspace.warehouse
    address = {row["email_address"] for row in read_rows("email", "member")}
    assert not address & {v for r in rows(warehouse, "from marts.suppressions") for v in r}
    ((hashed,),) = rows(
        warehouse,
        "select identifier_hash from marts.suppressions where person_id = ?",
        evening.unsubscribed,
    )
    assert hashed in {digest(value) for value in address}


def test_every_refusal_in_the_seeds_stands_or_was_taken_back(built_warehouse: Path) -> None:
    """Read the extracts by hand: each opt-out's record is suppressed unless its person returned."""
    said_no = {
        *(("email", f"member/{r['list_id']}/{r['id']}") for r in read_rows("email", "member")
          if r["status"] in ("unsubscribed", "cleaned")),
        *(("hubspot", f"contact/{r['id']}") for r in read_rows("hubspot", "contact")
          if r["property_hs_email_optout"] == "true"),
        *(("crm", f"contact/{r['id']}") for r in read_rows("crm", "contact")
          if r["has_opted_out_of_email"] == "true" and r["is_deleted"] == "false"),
    }  # fmt: skip
    records = {
        (source, record): person
        for source, record, person in rows(built_warehouse, "from marts.person_records")
    }
    standing = {p for (p,) in rows(built_warehouse, "select person_id from marts.suppressions")}
    returned = {
        person
        for (person,) in rows(
            built_warehouse,
            "select person_id from marts.current_consents where purpose = 'email_marketing' "
            "and state = 'granted' and source_name = 'consent'",
        )
    }
    people = {records[record] for record in said_no}
    assert len(people) > 10
    assert people & standing, "somebody stands"
    assert people & returned - standing, "somebody came back"
    assert people <= standing | returned


def test_the_last_word_to_the_consent_platform_is_the_current_one(built_warehouse: Path) -> None:
    """Where only the platform was ever told, the current state is the newest row of its log."""
    records = {
        record: person
        for source, record, person in rows(built_warehouse, "from marts.person_records")
        if source == "consent"
    }
    newest: dict[tuple[str, str], tuple[str, str]] = {}
    for row in read_rows("consent", "preferences"):
        person = records.get(f"preferences/{row['id']}")
        if person is not None and row["purpose"] == "advertising":
            key = (person, row["purpose"])
            newest[key] = max(newest.get(key, ("", "")), (row["occurred_at"], row["state"]))
    found = rows(
        built_warehouse,
        "select person_id, purpose, state from marts.current_consents "
        "where purpose = 'advertising'",
    )
    assert len(found) > 50
    assert {(p, u): s for p, u, s in found} == {key: s for key, (_, s) in newest.items()}


def test_consents_lose_no_event(built_warehouse: Path) -> None:
    ((events,),) = rows(
        built_warehouse,
        "select count(distinct consent_event_id) from marts.consents where source_name = 'consent'",
    )
    assert events == len({row["id"] for row in read_rows("consent", "preferences")})


def test_every_purpose_says_everything_the_planner_asks() -> None:
    purposes = yaml.safe_load((ROOT / "dbt_project" / "purposes.yml").read_text())["purposes"]
    channels = {row["channel"] for row in read_rows("consent", "preferences")}
    named = {row["purpose"] for row in read_rows("consent", "preferences")}
    for name, purpose in purposes.items():
        assert purpose["subject"] in ("person", "deal"), name
        assert len(purpose["description"]) > 40, name
        assert set(purpose["withdrawal"]) == {"upsert", "mirror", "audience", "append"}, name
        assert set(purpose["withdrawal"].values()) <= {"stop", "remove"}, name
        if purpose["legal_basis"] == "consent":
            assert name in named, f"nobody is ever asked about {name}"
            assert purpose["channel"] in channels, name


def test_free_mail_domains_are_sorted_and_plain() -> None:
    with (ROOT / "seeds" / "reference" / "free_mail_domains.csv").open(newline="") as file:
        domains = [row["domain"] for row in csv.DictReader(file)]
    assert domains == sorted(set(domains))
    assert all(domain == domain.lower() and "." in domain for domain in domains)
