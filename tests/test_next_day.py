"""The day after: someone buys at the till, someone unsubscribes, a letter bounces for good; deals
are won, someone waits for help, and a CRM says back what it was told.

One cycle later the channels know: the buyer is out of the cart audience, and the two others are out
of every marketing audience on every channel, whatever a later sync would like.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from reverse_etl.sandbox import Sandbox, running_sandbox
from tests.conftest import Workspace
from tests.extracts import read_rows, write_rows
from tests.reverse_etl.test_options import by_hand, contacts

MARKETING = ("klaviyo_audience_members", "meta_audience_members")
MORNING = "2026-11-01T08:00:00"
EDITED = "As sales wrote it"


@dataclass(frozen=True)
class Cycle:
    """A home whose channels were filled yesterday, and who did what overnight: their e-mails."""

    workspace: Workspace
    sandbox: Sandbox
    bought: str
    unsubscribed: str
    bounced: str
    waiting: str  # for an answer to an urgent ticket
    echoed: str  # by HubSpot, which repeats what it was sent
    won_deal: str

    def lists_of(self, email: str) -> list[str]:
        """Labels of the Klaviyo lists that someone is on now."""
        audiences = self.sandbox.state("klaviyo")["audiences"]
        return [
            label
            for label, audience in audiences.items()
            if email in {member["email"] for member in audience["members"]}
        ]

    def held(self, email: str) -> list[str]:
        """Audiences that the ledger says somebody with this e-mail is in, on any channel."""
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            [(person_id,)] = connection.execute(
                "select distinct person_id from marts.identities "
                "where identifier_type = 'email' and identifier_value = ?",
                [email],
            ).fetchall()
        with duckdb.connect(str(self.workspace.folder / "sync.duckdb"), read_only=True) as ledger:
            rows = ledger.execute(
                "select audience from sync_snapshot where person_id = ? and list_contains(?, sync)",
                [person_id, list(MARKETING)],
            ).fetchall()
        return [audience for (audience,) in rows]


@pytest.fixture(scope="module")
def cycle(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cycle]:
    with running_sandbox() as sandbox:
        evening = built.copy(tmp_path_factory.mktemp("cycle"), SEAMLINE_SANDBOX_URL=sandbox.url)
        evening.seamline("sync")
        audiences = sandbox.state("klaviyo")["audiences"]
        bought = audiences["Abandoned cart"]["members"][0]["email"]
        newcomers = {member["email"] for member in audiences["New customers"]["members"]}
        members = [row for row in read_rows("email", "member") if row["email_address"] in newcomers]
        *leaving, waiting = [row for row in members if row["email_address"] != bought][:3]
        landing = evening.folder / "overnight"
        _land_purchase(landing, bought)
        _land_refusals(landing, *leaving)
        _land_ticket(landing, waiting["email_address"])
        won_deal = _land_won_deals(landing, evening)
        by_hand(sandbox, _buyer(evening, won_deal), jobtitle=EDITED)
        echoed = _land_echo(landing, evening, sandbox)
        morning = Workspace(evening.folder, {**evening.settings, "SEAMLINE_AS_OF": MORNING})
        morning.seamline("load", str(landing))
        morning.dbt("run")
        morning.dbt("run", "--select", "path:models/activation")
        emails = [row["email_address"] for row in leaving]
        waits = waiting["email_address"]
        yield Cycle(morning, sandbox, bought, *emails, waits, echoed, won_deal)


def test_one_cycle_later_the_channels_know(cycle: Cycle) -> None:
    assert "Abandoned cart" in cycle.lists_of(cycle.bought)
    assert cycle.lists_of(cycle.unsubscribed)
    assert cycle.lists_of(cycle.bounced)
    assert "New customers" in cycle.lists_of(cycle.waiting)
    stage_before = _stage_at_hubspot(cycle)

    cycle.workspace.seamline("sync")

    assert "Abandoned cart" not in cycle.lists_of(cycle.bought)
    assert "abandoned_cart" not in cycle.held(cycle.bought)
    for refuser in (cycle.unsubscribed, cycle.bounced):
        assert cycle.lists_of(refuser) == []
        assert cycle.held(refuser) == []
    # Service: nobody who waits for urgent help is sent promotions.
    assert "New customers" not in cycle.lists_of(cycle.waiting)
    # Sales: a deal that was won is not endangered any more, and the CRM learns of a customer.
    with duckdb.connect(str(cycle.workspace.warehouse), read_only=True) as connection:
        still = connection.execute(
            "select count(*) from segments.open_deals_with_unresolved_tickets where deal_id = ?",
            [cycle.won_deal],
        ).fetchone()
        left = connection.execute(
            "select count(*) from segments.segment_memberships where left_at = ?"
            " and segment = 'open_deals_with_unresolved_tickets'",
            [MORNING],
        ).fetchone()
    assert still == (0,)
    assert left and left[0] > 0
    assert stage_before != _stage_at_hubspot(cycle)
    assert _stage_at_hubspot(cycle) in ("customer", "evangelist")
    # What sales wrote over a field of theirs stays; the score is ours.
    held = contacts(cycle.sandbox)
    assert held[_buyer(cycle.workspace, cycle.won_deal)]["jobtitle"] == EDITED
    with duckdb.connect(str(cycle.workspace.warehouse), read_only=True) as connection:
        scores = connection.execute(
            "select email, cast(round(lead_score) as bigint) from marts.person_traits"
            " inner join marts.people using (person_id) where lead_score > 0 and email is not null"
        ).fetchall()
    assert len(scores) > 20
    assert {email: int(held[email]["seamline_lead_score"]) for email, _ in scores} == dict(scores)


def test_what_a_crm_repeats_is_not_sent_back(cycle: Cycle) -> None:
    with duckdb.connect(str(cycle.workspace.folder / "sync.duckdb"), read_only=True) as ledger:
        sent = ledger.execute(
            "select operation from sync_changelog"
            " where sync = 'hubspot_contacts' and person_id = ?",
            [cycle.echoed],
        ).fetchall()
    assert len(sent) == 1, "it was sent in the evening, and landed again overnight"


def test_no_later_sync_brings_them_back(cycle: Cycle) -> None:
    again = json.loads(cycle.workspace.seamline("sync", "--json").stdout)
    moved = {run["sync"]: run["added"] + run["changed"] + run["removed"] for run in again}
    quiet = (*MARKETING, "hubspot_contacts")
    assert {sync: moved[sync] for sync in quiet} == dict.fromkeys(quiet, 0)
    for refuser in (cycle.unsubscribed, cycle.bounced):
        assert cycle.lists_of(refuser) == []


def test_a_cycle_later_what_the_crm_says_back_changes_nothing(cycle: Cycle) -> None:
    """All of HubSpot lands, with the contacts that we made there and the title that sales wrote."""
    landing = cycle.workspace.folder / "said_back"
    recorded = {row["property_email"]: row for row in read_rows("hubspot", "contact")}
    blank = dict.fromkeys(next(iter(recorded.values())), "")
    made = {"_fivetran_deleted": "false", "property_createdate": "2026-11-01T00:30:00Z"}
    arrived = {"property_lastmodifieddate": MORNING + "Z", "_fivetran_synced": MORNING + "Z"}
    said = []
    for number, (email, held) in enumerate(sorted(contacts(cycle.sandbox).items())):
        row = recorded.get(email) or {**blank, **made, "id": f"7{number:06}"}
        told = {f"property_{name}": str(value or "") for name, value in held.items()}
        said.append({**row, **{k: v for k, v in told.items() if k in blank}, **arrived})
    assert len(said) > len(recorded) > 50
    write_rows(landing, "hubspot", "contact", *said)
    cycle.workspace.seamline("load", str(landing))
    activation = "path:models/activation"
    cycle.workspace.dbt("run", "--select", "stg_hubspot__contacts+", "--exclude", activation)
    cycle.workspace.dbt("run", "--select", activation)
    again = {r["sync"]: r for r in json.loads(cycle.workspace.seamline("sync", "--json").stdout)}
    sent = {sync: run["added"] + run["changed"] for sync, run in again.items()}
    # The title is known to the warehouse now; at HubSpot it is what it was.
    assert {sync: sent[sync] for sync in (*MARKETING, "hubspot_contacts")} == {
        **dict.fromkeys(MARKETING, 0),
        "hubspot_contacts": 1,
    }
    assert contacts(cycle.sandbox)[_buyer(cycle.workspace, cycle.won_deal)]["jobtitle"] == EDITED
    # HubSpot dates an opt-out by the record's last edit, and our own write was one: said again, it
    # is believed again, whatever was granted in between.
    runs = [again[sync]["run_id"] for sync in MARKETING]
    with duckdb.connect(str(cycle.workspace.folder / "sync.duckdb"), read_only=True) as ledger:
        removed = ledger.execute(
            "select distinct person_id from sync_changelog"
            " where operation = 'remove' and list_contains(?, run_id)",
            [runs],
        ).fetchall()
    with duckdb.connect(str(cycle.workspace.warehouse), read_only=True) as connection:
        opted_out = connection.execute(
            "select distinct person_id from marts.suppressions"
            " where source_name = 'hubspot' and reason = 'opted_out'"
        ).fetchall()
    assert set(removed) <= set(opted_out)
    assert sum(again[sync]["removed"] for sync in MARKETING) == len(removed) <= 1
    quiet = json.loads(cycle.workspace.seamline("sync", "--json").stdout)
    assert {run["sync"]: run["requests"] for run in quiet}["hubspot_contacts"] == 0


def _land_purchase(landing: Path, email: str) -> None:
    receipt = {
        "receipt_id": "R-overnight",
        "store_id": "FR-01",
        "loyalty_id": "",
        "email": email,
        "phone": "",
        "sold_at": "2026-11-01T07:00:00Z",
        "currency": "EUR",
        "total_amount": "74.00",
        "payment_method": "card",
        "return_of_receipt_id": "",
    }
    line = {
        "receipt_line_id": "R-overnight-1",
        "receipt_id": "R-overnight",
        "sku": "SL-1016",
        "product_name": "Slate Blanket",
        "quantity": "1",
        "unit_price": "74.00",
    }
    write_rows(landing, "pos", "receipts", receipt)
    write_rows(landing, "pos", "receipt_lines", line)


def _land_refusals(
    landing: Path, unsubscribed: Mapping[str, str], bounced: Mapping[str, str]
) -> None:
    asked = {"timestamp": "2026-11-01T06:00:00Z", "_fivetran_synced": "2026-11-01T06:15:00Z"}
    leaves = {"list_id": unsubscribed["list_id"], "member_id": unsubscribed["id"]}
    write_rows(
        landing,
        "email",
        "unsubscribe",
        {"campaign_id": "weekly-03", **leaves, "reason": "NORMAL", **asked},
    )
    fails = {"list_id": bounced["list_id"], "member_id": bounced["id"]}
    failure = {"action": "bounce", "url": "", "bounce_type": "hard"}
    write_rows(
        landing,
        "email",
        "campaign_recipient_activity",
        {"campaign_id": "weekly-03", **fails, **failure, **asked},
    )


def _buyer(workspace: Workspace, deal: str) -> str:
    """The e-mail of the contact of a deal."""
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        [(email,)] = connection.execute(
            "select email from marts.people inner join marts.deals using (person_id)"
            " where deal_id = ?",
            [deal],
        ).fetchall()
    return str(email)


def _stage_at_hubspot(cycle: Cycle) -> str:
    """The sales stage that HubSpot shows of the contact of the deal that was won."""
    contact = contacts(cycle.sandbox)[_buyer(cycle.workspace, cycle.won_deal)]
    return str(contact.get("seamline_sales_stage"))


def _land_ticket(landing: Path, email: str) -> None:
    arrived = {"created_at": "2026-11-01T07:30:00Z", "updated_at": "2026-11-01T07:30:00Z"}
    arrived["_fivetran_synced"] = "2026-11-01T07:45:00Z"
    user, ticket = read_rows("desk", "user")[-1], read_rows("desk", "ticket")[0]
    asks = {"id": "699999", "email": email, "name": "", "phone": "", "role": "end-user"}
    write_rows(landing, "desk", "user", {**user, **asks, "external_id": "", **arrived})
    urgent = {"id": "999999", "requester_id": "699999", "status": "open", "priority": "urgent"}
    write_rows(landing, "desk", "ticket", {**ticket, **urgent, **arrived})


def _land_won_deals(landing: Path, evening: Workspace) -> str:
    """Win every open deal of a company, one of which a ticket endangers; return that one."""
    with duckdb.connect(str(evening.warehouse), read_only=True) as connection:
        deals = connection.execute("""
            with companies as (
                select account_id from marts.deals where not is_closed
                group by 1 having bool_and(source_name = 'crm')
            ),
            endangered as (
                select deal_id, account_id from segments.open_deals_with_unresolved_tickets
                inner join marts.deals using (deal_id) inner join companies using (account_id)
                inner join marts.people on people.person_id = deals.person_id
                where email is not null order by 1 limit 1
            )
            select endangered.deal_id, deals.deal_id from endangered
            inner join marts.deals using (account_id) where not is_closed
        """).fetchall()
    won = {"stage_name": "Closed Won", "is_closed": "true", "is_won": "true", "probability": "100"}
    arrived = {"close_date": "2026-11-01", "_fivetran_synced": "2026-11-01T07:15:00Z"}
    wanted = {deal_id for _, deal_id in deals}
    rows = [r for r in read_rows("crm", "opportunity") if f"crm-{r['id']}" in wanted]
    write_rows(landing, "crm", "opportunity", *({**row, **won, **arrived} for row in rows))
    return str(deals[0][0])


def _land_echo(landing: Path, evening: Workspace, sandbox: Sandbox) -> str:
    """Land a HubSpot contact as HubSpot has it since we wrote to it; return whose it is."""
    with duckdb.connect(str(evening.warehouse), read_only=True) as connection:
        person_id, email, record = connection.execute(
            "select person_id, email, min(source_id) from marts.person_records"
            " inner join marts.people using (person_id)"
            " inner join marts.person_traits using (person_id)"
            " where source_name = 'hubspot' and customer_stage = 'prospect' and sales_stage is null"
            " and email is not null group by 1, 2 order by 1 limit 1"
        ).fetchall()[0]
    row = next(r for r in read_rows("hubspot", "contact") if f"contact/{r['id']}" == record)
    held = next(
        contact["properties"]
        for contact in sandbox.state("hubspot")["contacts"].values()
        if contact["properties"]["email"] == email
    )
    echo = {f"property_{name}": str(value or "") for name, value in held.items()}
    arrived = {"property_lastmodifieddate": "2026-11-01T01:00:00Z"}
    arrived["_fivetran_synced"] = "2026-11-01T02:00:00Z"
    write_rows(landing, "hubspot", "contact", {**row, **echo, **arrived})
    return str(person_id)
