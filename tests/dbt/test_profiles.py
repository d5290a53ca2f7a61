"""Leads, visits, money and the timeline: read from the extracts by hand, and compared."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from tests.conftest import ROOT
from tests.dbt.test_crm import instant, rows
from tests.extracts import read_rows


def test_a_converted_lead_leads_to_its_contact_company_and_deal(built_warehouse: Path) -> None:
    found = {
        lead: facts
        for lead, *facts in rows(
            built_warehouse,
            "select leads.lead_id, leads.person_id, contacts.person_id, contacts.account_id,"
            " leads.account_id, leads.deal_id, deals.person_id from marts.leads"
            " left join marts.contacts on leads.person_id = contacts.person_id"
            " left join marts.deals on leads.deal_id = deals.deal_id"
            " where leads.source_name = 'crm' and leads.is_converted",
        )
    }
    people = dict(
        rows(
            built_warehouse,
            "select source_id, person_id from marts.person_records where source_name = 'crm'",
        )
    )
    converted = [
        row
        for row in read_rows("crm", "lead")
        if row["is_converted"] == "true" and row["is_deleted"] == "false"
    ]
    assert found.keys() == {f"crm-{row['id']}" for row in converted}
    for row in converted:
        lead, contact, its_account, account, deal, buyer = found[f"crm-{row['id']}"]
        assert lead == contact == people[f"contact/{row['converted_contact_id']}"]
        assert account == its_account is not None
        opportunity = row["converted_opportunity_id"]
        assert deal == (f"crm-{opportunity}" if opportunity else None)
        assert buyer in (None, lead) if deal else buyer is None
    assert sum(facts[4] is not None for facts in found.values()) > 1


def test_who_signs_up_before_anything_else_is_a_lead_once(built_warehouse: Path) -> None:
    """Signing up is the first identify with an address, on the site or in the app."""
    signed_up: dict[str, datetime] = {}
    people = {
        (source, record): person
        for source, record, person in rows(
            built_warehouse, "select source_name, source_id, person_id from marts.person_records"
        )
    }
    for source in ("web", "app"):
        for row in read_rows(source, "identifies"):
            person = people.get((source, f"identifies/{row['id']}"))
            if person and row["email"]:
                at = instant(row["timestamp"])
                signed_up[person] = min(at, signed_up.get(person, at))
    ordered = dict(rows(built_warehouse, "select person_id, first_order_at from marts.people"))
    in_crm = {
        person
        for (person,) in rows(
            built_warehouse,
            "select person_id from marts.contacts"
            " union select person_id from marts.leads where source_name in ('crm', 'hubspot')",
        )
    }
    expected = {
        person
        for person, at in signed_up.items()
        if person not in in_crm and (ordered[person] is None or ordered[person] >= at)
    }
    leads = rows(
        built_warehouse,
        "select person_id, is_converted from marts.leads where lead_id like 'person-%'",
    )
    found = {person: is_converted for person, is_converted in leads if person not in in_crm}
    assert len(leads) == len({person for person, _ in leads})
    assert found.keys() == expected
    assert found == {person: ordered[person] is not None for person in expected}
    assert len(expected) > 50


def test_a_visit_is_of_the_channel_by_which_it_came(built_warehouse: Path) -> None:
    came = rows(
        built_warehouse,
        "select distinct campaign_source, campaign_medium, channel from marts.sessions",
    )
    assert {(source, medium): channel for source, medium, channel in came} == {
        (None, None): "direct",
        ("google", "cpc"): "paid search",
        ("newsletter", "email"): "email",
        ("instagram", "paid_social"): "paid social",
        ("facebook", "paid_social"): "paid social",
        ("partner", "referral"): "referral",
    }


def test_revenue_is_what_was_kept_at_the_rate_of_the_day(built_warehouse: Path) -> None:
    with (ROOT / "seeds" / "reference" / "exchange_rates.csv").open(newline="") as file:
        rates = [
            (row["currency_code"], datetime.fromisoformat(row["valid_from"]), row["eur_rate"])
            for row in csv.DictReader(file)
        ]
    orders = rows(
        built_warehouse,
        "select currency, ordered_at, gross_amount, returned_amount, net_amount, net_revenue"
        " from marts.orders where status = 'placed'",
    )
    seen = Counter[tuple[str, bool]]()
    for currency, at, gross, returned, net, revenue in orders:
        known = [(since, Decimal(rate)) for code, since, rate in rates if code == currency]
        rate = max(pair for pair in known if pair[0] <= at)[1]
        assert net == gross - returned
        assert abs(revenue - net * rate) <= Decimal("0.0001")
        seen[currency, returned > 0] += 1
    assert {"EUR", "GBP", "USD", "CHF"} == {currency for currency, _ in seen}
    assert any(is_returned for _, is_returned in seen)


def test_a_person_s_timeline_has_everything_once(built_warehouse: Path) -> None:
    """Counted per person in the marts; what the site reports as bought is the shop's order."""
    kinds = {
        "event": "events where not (event_name = 'order_completed'"
        " and order_id in (select order_id from marts.orders))",
        "order": "orders where true",
        "return": "returns where true",
        "email": "email_events where true",
        "activity": "activities where occurred_at <= timestamp '2026-11-01'",
        "task": "tasks where completed_at is not null",
        "campaign": "campaign_members where responded_at is not null",
        "lead": "leads where true",
        "ticket": "tickets where true",
        "solved": "tickets where solved_at is not null",
    }
    for kind, relation in kinds.items():
        told = f"select person_id, count(*) from marts.timeline where activity_id like '{kind}/%'"
        held = f"select person_id, count(*) from marts.{relation} and person_id is not null"
        found = dict(rows(built_warehouse, f"{told} group by 1"))
        assert found == dict(rows(built_warehouse, f"{held} group by 1")), kind
        assert found, kind
