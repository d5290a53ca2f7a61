"""One cart from the first look to the sale, asserted at the sandbox.

Somebody looks around unknown, logs in, fills a cart and does nothing for half an hour: Klaviyo has
them with what they left, and reminds them once. They take the cart up, leave it again, hear nothing
new, click the reminder and buy: they are out, and the sale is the reminder's. Somebody who bought
before the half hour was over is never reminded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from reverse_etl.sandbox import Sandbox, running_sandbox
from tests.conftest import ROOT, Workspace
from tests.extracts import RAW, read_rows, write_rows
from tests.klaviyo_log import write_klaviyo_log

DAY = "2026-11-01T"
ADA, BEN = "ada.cartwright@example.com", "ben.cartwright@example.com"
SYNCS = ("klaviyo_audience_members", "klaviyo_cart_reminders")
CARTS = ("int_carts_touched", "cart_items", "int_carts_converted", "carts", "abandoned_cart")
EVENTS = (
    *("path:models/staging/web", "int_devices_logged_in", "int_events_attributed"),
    *("int_events_sessionised", "events", *CARTS),
)
PEOPLE = (
    *("path:models/staging/shop", "path:models/staging/consent"),
    *("path:models/intermediate/identity", "identities", "person_records", *EVENTS),
    *("int_orders_attributed", "orders", "int_purchases_counted", "int_people_counted"),
    *("int_attributes_attributed", "field_provenance", "people"),
    *("int_identifier_holders", "int_consents_resolved", "consents", "current_consents"),
    *("int_suppressions_resolved", "suppressions"),
)
REMINDED = (
    *("path:models/staging/klaviyo", *PEOPLE),
    *("campaigns", "email_events", "campaign_conversions", "campaign_results"),
)


@dataclass(frozen=True)
class Shop:
    """A home in which a day goes by."""

    workspace: Workspace
    sandbox: Sandbox

    def until(
        self, time: str, *models: str, land: Path | None = None, sources: Sequence[str] = ()
    ) -> None:
        """Let it become so late, having landed a folder; build, and sync what changed."""
        settings = {**self.workspace.settings, "SEAMLINE_AS_OF": f"{DAY}{time}"}
        now = Workspace(self.workspace.folder, settings)
        also = ("--vars", json.dumps({"sources": sources})) if sources else ()
        if land:
            now.seamline("load", str(land))
        now.dbt("run", "--select", *models, *also)
        now.dbt("run", "--select", *(f"sync_{sync}" for sync in SYNCS), *also)
        now.seamline("sync", *(f"--select={sync}" for sync in SYNCS))

    def basket(self, email: str) -> list[str] | None:
        """What the list at Klaviyo says they left, by sku; none where they are not on it."""
        audience = self.sandbox.state("klaviyo")["audiences"].get("Abandoned cart")
        for member in audience["members"] if audience else ():
            if member["email"] == email:
                return [item["sku"] for item in member["properties"]["items"]]
        return None

    def reminders(self, email: str) -> list[dict[str, Any]]:
        """The events upon which Klaviyo reminded them."""
        told = self.sandbox.state("klaviyo")["events"].values()
        return [event for event in told if event["email"] == email]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def shop(built: Workspace, tmp_path: Path) -> Iterator[Shop]:
    with running_sandbox() as sandbox:
        yield Shop(built.copy(tmp_path / "home", SEAMLINE_SANDBOX_URL=sandbox.url), sandbox)


def test_a_cart_from_the_first_look_to_the_sale(shop: Shop, tmp_path: Path) -> None:
    noon = tmp_path / "noon"
    _land_visit(noon, ADA, "13:00:00", "13:10:00", ["SL-1016", "SL-1025"])
    _land_visit(noon, BEN, "12:50:00", "13:05:00", ["SL-1016"])
    _land_order(noon, "ben", BEN, "13:20:00")
    shop.until("13:39:59", *PEOPLE, land=noon)
    (before,) = shop.rows(
        "select count(*), count(distinct person_id) from marts.events where anonymous_id = 'a-ada'"
    )
    assert before == (4, 1), "what was done unknown is the same person's"
    assert shop.basket(ADA) is None
    assert shop.reminders(ADA) == []

    # Half an hour of nothing: nothing landed, and time alone moves them.
    shop.until("13:40:00", *CARTS)
    assert shop.basket(ADA) == ["SL-1016", "SL-1025"]
    (reminder,) = shop.reminders(ADA)
    assert reminder["metric"] == "Cart abandoned"
    assert reminder["time"] == f"{DAY}13:40:00Z"
    assert [item["sku"] for item in reminder["properties"]["items"]] == ["SL-1016", "SL-1025"]
    assert shop.basket(BEN) is None
    assert shop.reminders(BEN) == [], "bought before the reminder went out"

    # Taken up and left again: what is in it changes, and it is the cart they were reminded of.
    evening = tmp_path / "evening"
    _land_addition(evening, "ada", "14:00:00", "SL-1002")
    shop.until("14:30:00", *EVENTS, land=evening)
    assert shop.basket(ADA) == ["SL-1002", "SL-1016", "SL-1025"]
    assert shop.reminders(ADA) == [reminder]

    # Klaviyo's own log comes back as a source: they clicked, and bought.
    night = tmp_path / "night"
    messages = (("Received Email", "13:41:00"), ("Clicked Email", "14:40:00"))
    write_klaviyo_log(night, reminder["email"], *messages, day=DAY)
    _land_order(night, "ada", ADA, "15:00:00")
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())
    sources = [*project["vars"]["sources"], "klaviyo"]
    shop.until("16:00:00", *REMINDED, land=night, sources=sources)
    assert shop.basket(ADA) is None
    assert shop.reminders(ADA) == [reminder]
    assert shop.rows("""
        select campaign_name, order_id, cast(net_revenue as double), cast(answered_at as text)
        from marts.campaign_conversions inner join marts.campaigns using (campaign_id)
        where campaigns.source_name = 'klaviyo'
    """) == [("Cart reminder", "shop-ada", 222.0, "2026-11-01 14:40:00")]
    assert shop.rows("""
        select clicker_count, converted_count, cast(revenue as double)
        from marts.campaign_results where campaign_id = 'klaviyo-REMIND'
    """) == [(1, 1, 222.0)]


def _at(time: str) -> dict[str, str]:
    moments = ("received_at", "sent_at", "original_timestamp", "timestamp", "uuid_ts")
    return dict.fromkeys(moments, f"{DAY}{time}Z")


def _land_visit(folder: Path, email: str, looked: str, filled: str, skus: list[str]) -> None:
    """Look at a page unknown, log in five minutes later, put things into a cart."""
    name = email.partition(".")[0]
    who = {"anonymous_id": f"a-{name}", "user_id": ""}
    known = {"anonymous_id": f"a-{name}", "user_id": f"u-{name}"}
    _add(folder, "pages", {"id": f"{name}-look", **who, **_at(looked)})
    view = {"id": f"{name}-view", "sku": skus[0], **who, **_at(looked)}
    _add(folder, "product_viewed", view)
    person = {"email": email, "phone": "", "first_name": name.title(), "last_name": "Cartwright"}
    login = f"{looked[:3]}{int(looked[3:5]) + 5:02d}{looked[5:]}"
    _add(folder, "identifies", {"id": f"{name}-login", **known, **person, **_at(login)})
    for sku in skus:
        _land_addition(folder, name, filled, sku)
    preference = {"id": f"p-{name}", "email": email, "user_id": f"u-{name}", "state": "granted"}
    preference |= {"purpose": "email_marketing", "channel": "email", "legal_basis": "consent"}
    preference |= {"occurred_at": f"{DAY}{login}Z", "received_at": f"{DAY}{login}Z"}
    _add(folder, "preferences", preference, "consent")


def _land_addition(folder: Path, name: str, time: str, sku: str) -> None:
    who = {"anonymous_id": f"a-{name}", "user_id": f"u-{name}", "cart_id": f"c-{name}"}
    thing = {"sku": sku, "product_id": f"product-{sku}", "quantity": "1", "price": "74.00"}
    thing |= {"currency": "EUR", "order_id": ""}
    _add(folder, "product_added", {"id": f"{name}-{sku}", **who, **thing, **_at(time)})


def _land_order(folder: Path, name: str, email: str, time: str) -> None:
    moment = f"{DAY}{time}Z"
    placed = dict.fromkeys(("created_at", "processed_at", "updated_at", "_fivetran_synced"), moment)
    paid = {"currency": "EUR", "subtotal_price": "222.00", "total_price": "222.00", "test": "false"}
    order = {"id": name, "cart_token": f"c-{name}", "email": email, "customer_id": "", **paid}
    cleared = {"cancelled_at": "", "total_discounts": "0.00", "billing_address_phone": ""}
    _add(folder, "order", {**order, **cleared, **placed}, "shop")


def _add(folder: Path, table: str, row: dict[str, str], source: str = "web") -> None:
    """Add a row, shaped as the seeds' rows are, to what will be landed."""
    others = read_rows(source, table, folder) if (folder / source / f"{table}.csv").exists() else []
    shape = read_rows(source, table)[0] if (RAW / source).exists() else {}
    write_rows(folder, source, table, *others, {**shape, **row})
