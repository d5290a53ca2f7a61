"""The day after: someone buys at the till, someone unsubscribes, a letter bounces for good.

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

MARKETING = ("klaviyo_audience_members", "meta_audience_members")
MORNING = "2026-11-01T08:00:00"


@dataclass(frozen=True)
class Cycle:
    """A home whose channels were filled yesterday, and who did what overnight: their e-mails."""

    workspace: Workspace
    sandbox: Sandbox
    bought: str
    unsubscribed: str
    bounced: str

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
        leaving = [row for row in members if row["email_address"] != bought][:2]
        landing = evening.folder / "overnight"
        _land_purchase(landing, bought)
        _land_refusals(landing, *leaving)
        morning = Workspace(evening.folder, {**evening.settings, "SEAMLINE_AS_OF": MORNING})
        morning.seamline("load", str(landing))
        morning.dbt("run")
        morning.dbt("run", "--select", "path:models/activation")
        emails = [row["email_address"] for row in leaving]
        yield Cycle(morning, sandbox, bought, *emails)


def test_one_cycle_later_the_channels_know(cycle: Cycle) -> None:
    assert "Abandoned cart" in cycle.lists_of(cycle.bought)
    assert cycle.lists_of(cycle.unsubscribed)
    assert cycle.lists_of(cycle.bounced)

    cycle.workspace.seamline("sync")

    assert "Abandoned cart" not in cycle.lists_of(cycle.bought)
    assert "abandoned_cart" not in cycle.held(cycle.bought)
    for refuser in (cycle.unsubscribed, cycle.bounced):
        assert cycle.lists_of(refuser) == []
        assert cycle.held(refuser) == []


def test_no_later_sync_brings_them_back(cycle: Cycle) -> None:
    again = json.loads(cycle.workspace.seamline("sync", "--json").stdout)
    moved = {run["sync"]: run["added"] + run["changed"] + run["removed"] for run in again}
    assert {sync: moved[sync] for sync in MARKETING} == dict.fromkeys(MARKETING, 0)
    for refuser in (cycle.unsubscribed, cycle.bounced):
        assert cycle.lists_of(refuser) == []


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
