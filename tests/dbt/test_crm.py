"""The CRM's tables hold what the CRMs hold: read the extracts by hand and compare."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from tests.conftest import AS_OF, ROOT
from tests.dbt.conftest import NEW_TITLE, WISHED_AT, Evening
from tests.extracts import read_rows


def rows(warehouse: Path, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=None)


def live_contacts() -> dict[tuple[str, str], str]:
    """Contact id by record, of every contact that neither CRM has deleted."""
    found = {
        ("crm", f"contact/{r['id']}"): f"crm-{r['id']}"
        for r in read_rows("crm", "contact")
        if r["is_deleted"] == "false"
    }
    for r in read_rows("hubspot", "contact"):
        if r["_fivetran_deleted"] == "false":
            found["hubspot", f"contact/{r['id']}"] = f"hubspot-{r['id']}"
    return found


def test_contacts_of_two_crms_are_one_and_keep_both_ids(built_warehouse: Path) -> None:
    with (ROOT / "seeds" / "truth" / "person_records.csv").open(newline="") as file:
        truth = {(r["source_name"], r["source_id"]): r["person_key"] for r in csv.DictReader(file)}
    expected: dict[str, set[str]] = defaultdict(set)
    for record, contact_id in live_contacts().items():
        expected[truth[record]].add(contact_id)
    found = {
        frozenset(ids.split(", "))
        for (ids,) in rows(built_warehouse, "select source_ids from marts.contacts")
    }
    in_both = {
        frozenset(ids)
        for ids in expected.values()
        if {i.split("-")[0] for i in ids} == {"crm", "hubspot"}
    }
    assert len(in_both) > 20
    # Some people gave each CRM another address: what cannot be known is not merged.
    assert len(in_both & found) >= 0.9 * len(in_both)


def test_every_live_contact_record_is_in_exactly_one_contact(built_warehouse: Path) -> None:
    ids = Counter(
        contact_id
        for (listed,) in rows(built_warehouse, "select source_ids from marts.contacts")
        for contact_id in listed.split(", ")
    )
    assert ids == Counter(live_contacts().values())


def test_a_record_that_was_merged_away_is_its_survivor_s_person(built_warehouse: Path) -> None:
    people = {
        (source, record): person
        for source, record, person in rows(built_warehouse, "from marts.person_records")
    }
    merged = [
        (("crm", f"contact/{r['id']}"), ("crm", f"contact/{r['master_record_id']}"))
        for r in read_rows("crm", "contact")
        if r["master_record_id"]
    ]
    for r in read_rows("hubspot", "contact"):
        listed = f"{r['property_hs_calculated_merged_vids']};{r['property_hs_merged_object_ids']}"
        for part in filter(None, listed.split(";")):
            loser = ("hubspot", f"contact/{part.split(':')[0]}")
            merged.append((loser, ("hubspot", f"contact/{r['id']}")))
    assert {source for (source, _), _ in merged} == {"crm", "hubspot"}
    for loser, survivor in merged:
        assert people[loser] == people[survivor]


def test_an_edit_in_a_crm_reaches_the_contact(evening: Evening) -> None:
    ((title,),) = rows(
        evening.workspace.warehouse,
        "select job_title from marts.contacts where person_id = ?",
        evening.opted_out_in_hubspot,
    )
    assert title == NEW_TITLE


def test_what_a_contact_said_before_an_edit_is_in_its_history(
    built_warehouse: Path, evening: Evening
) -> None:
    query = (
        "select source_contact_id, value, changed_at, replaced_at from marts.contact_changes"
        " where person_id = ? and field = 'job_title' and source_name = 'hubspot'"
        " order by change_number"
    )
    [(contact, title, since, _)] = rows(built_warehouse, query, evening.opted_out_in_hubspot)
    edited = instant(WISHED_AT)
    (record,) = (r for r in read_rows("hubspot", "contact") if f"hubspot-{r['id']}" == contact)
    assert title == record["property_jobtitle"] != NEW_TITLE
    assert since == instant(record["property_lastmodifieddate"])
    assert rows(evening.workspace.warehouse, query, evening.opted_out_in_hubspot) == [
        (contact, title, since, edited),
        (contact, NEW_TITLE, edited, None),
    ]
    # What nobody touched has the one value that it has had all along.
    others = "select count(*) from marts.contact_changes where change_number > 1"
    assert rows(built_warehouse, others) == [(0,)]
    # A title and an opt-out in HubSpot, an opt-out in Salesforce.
    assert rows(evening.workspace.warehouse, others) == [(3,)]


def test_salesforce_s_short_ids_find_the_same_contact(evening: Evening) -> None:
    ((person,),) = rows(
        evening.workspace.warehouse,
        "select person_id from marts.tasks where task_id = 'crm-00T5g0000099999EAA'",
    )
    assert person == evening.called


def test_deals_sum_to_the_cent_by_stage(built_warehouse: Path) -> None:
    labels = {r["stage_id"]: r["label"] for r in read_rows("hubspot", "deal_pipeline_stage")}
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for r in read_rows("crm", "opportunity"):
        if r["is_deleted"] == "false":
            expected["crm", r["stage_name"]] += Decimal(r["amount"] or 0)
    for r in read_rows("hubspot", "deal"):
        if r["is_deleted"] == "false":
            stage = labels[r["deal_pipeline_stage_id"]]
            expected["hubspot", stage] += Decimal(r["property_amount"] or 0)
    found = rows(
        built_warehouse, "select source_name, stage, sum(amount) from marts.deals group by 1, 2"
    )
    assert {(source, stage): amount for source, stage, amount in found} == expected


def test_a_deal_is_with_its_primary_contact_and_their_company(built_warehouse: Path) -> None:
    people = {
        record: person
        for source, record, person in rows(built_warehouse, "from marts.person_records")
        if source == "crm"
    }
    primary = {
        f"crm-{r['opportunity_id']}": people.get(f"contact/{r['contact_id']}")
        for r in read_rows("crm", "opportunity_contact_role")
        if r["is_primary"] == "true"
    }
    found = dict(
        rows(
            built_warehouse, "select deal_id, person_id from marts.deals where source_name = 'crm'"
        )
    )
    assert len(found) > 20
    assert found == {deal: primary[deal] for deal in found}
    accounts = rows(built_warehouse, "select count(*), count(account_id) from marts.deals")
    assert accounts[0][0] == accounts[0][1]


def test_companies_of_two_crms_are_one_by_domain(built_warehouse: Path) -> None:
    domains = {
        r["property_domain"] for r in read_rows("hubspot", "company") if r["is_deleted"] == "false"
    }
    found = {
        domain: ids.split(", ")
        for domain, ids in rows(built_warehouse, "select domain, source_ids from marts.accounts")
    }
    assert domains
    assert domains <= set(found)
    assert {len(ids) for ids in found.values()} == {2}


def test_tasks_per_owner_are_counted_as_by_hand(built_warehouse: Path) -> None:
    today = AS_OF[:10]
    expected: Counter[tuple[str, bool, bool]] = Counter()
    for r in read_rows("crm", "task"):
        if r["is_deleted"] == "false":
            done = r["is_closed"] == "true"
            late = not done and bool(r["activity_date"]) and r["activity_date"][:10] < today
            expected[f"crm-{r['owner_id']}", done, late] += 1
    found = rows(
        built_warehouse,
        "select owner_id, is_completed, is_overdue, count(*) from marts.tasks group by 1, 2, 3",
    )
    assert {(owner, done, late): n for owner, done, late, n in found} == dict(expected)


def test_tickets_are_answered_when_staff_first_wrote_to_the_customer(built_warehouse: Path) -> None:
    staff = {r["id"] for r in read_rows("desk", "user") if r["role"] in ("agent", "admin")}
    expected: dict[str, datetime] = {}
    for r in read_rows("desk", "ticket_comment"):
        if r["public"] == "true" and r["user_id"] in staff:
            ticket, created = f"desk-{r['ticket_id']}", instant(r["created"])
            expected[ticket] = min(expected.get(ticket, created), created)
    found = dict(rows(built_warehouse, "select ticket_id, first_response_at from marts.tickets"))
    tickets = {
        f"desk-{r['id']}": r
        for r in read_rows("desk", "ticket")
        if r["_fivetran_deleted"] != "true"
    }
    assert found == {ticket: expected.get(ticket) for ticket in tickets}
    still_open = {
        t for (t,) in rows(built_warehouse, "select ticket_id from marts.tickets where is_open")
    }
    assert still_open == {t for t, r in tickets.items() if r["status"] not in ("solved", "closed")}


def test_email_events_reconcile_with_the_provider_s_log(built_warehouse: Path) -> None:
    names = {"open": "opened", "click": "clicked", "bounce": "bounced"}
    expected = Counter(
        names[r["action"]] for r in read_rows("email", "campaign_recipient_activity")
    )
    expected["sent"] = len(read_rows("email", "campaign_recipient"))
    expected["unsubscribed"] = len(read_rows("email", "unsubscribe"))
    found = rows(built_warehouse, "select event_type, count(*) from marts.email_events group by 1")
    assert dict(found) == dict(expected)


def test_spend_adds_up_and_a_broken_amount_is_quarantined(built_warehouse: Path) -> None:
    amounts = [r["spend"] for r in read_rows("ads", "spend")]
    readable = [Decimal(a) for a in amounts if a.replace(".", "", 1).isdigit()]
    ((spend, days),) = rows(
        built_warehouse, "select sum(spend_amount), count(*) from marts.campaign_spend"
    )
    assert (spend, days) == (sum(readable), len(readable))
    broken = rows(
        built_warehouse,
        "select quarantine_reason from staging.stg_ads__spend where row_status = 'quarantined'",
    )
    assert broken == [("bad_number",)] * (len(amounts) - len(readable))
    assert broken
