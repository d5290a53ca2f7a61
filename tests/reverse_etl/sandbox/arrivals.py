"""Something at every channel, brought there as syncs would."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from reverse_etl.destinations import files, hubspot, klaviyo, meta, salesforce, webhook
from reverse_etl.sandbox import Sandbox
from tests.reverse_etl.destinations.driver import Wire, batch, records

ITEMS = [
    {"sku": "S1", "product_name": "Linen <b>shirt</b>", "quantity": 2, "unit_price": 39.0},
    {"sku": "S2", "product_name": "Canvas tote", "quantity": 1, "unit_price": 24.5},
]
CART = {"items": ITEMS, "cart_value": 1102.5, "last_activity_at": "2026-10-31T18:20:00Z"}


def fill(running: Sandbox, outbox: Path) -> None:
    """Fill every channel; the first person of the cart audience leaves it again."""
    people = [
        {"email": f"{name}@example.com", "first_name": name.title(), "last_name": "Example"}
        for name in ("ada", "ben", "cleo", "dora", "emil", "frida", "gus")
    ]
    mail = Wire(klaviyo.destination, running.url)
    carts = mail.prepare("list_members", "abandoned_cart", "Abandoned cart")
    rows = [{**person, "properties": json.dumps(CART)} for person in people]
    mail.converse(batch(records("add", rows), "list_members", audience=carts))
    mail.converse(batch(records("remove", rows[:1]), "list_members", audience=carts))
    welcome = mail.prepare("list_members", "new_customers", "New customers")
    rows = [{**people[1], "properties": '{"order_count": 1}'}]
    mail.converse(batch(records("add", rows), "list_members", audience=welcome))

    reminder = {"name": "Cart reminder", "properties": json.dumps(CART)}
    told = [{"email": person["email"], **reminder} for person in people[1:3]]
    mail.converse(batch(records("append", told), "events", "append"))

    ads = Wire(meta.destination, running.url)
    best = ads.prepare("custom_audience_members", "best_customers", "Best customers")
    rows = [{**person, "phone": "+442079460958", "country": "GB"} for person in people[:2]]
    ads.converse(batch(records("add", rows), "custom_audience_members", audience=best))

    crm = Wire(hubspot.destination, running.url)
    contacts = [
        {
            "email": "ada@example.com",
            "firstname": "Ada",
            "lastname": "Example",
            "phone": "+442079460958",
            "seamline_lifetime_value": 51.2,
        }
    ]
    crm.converse(batch(records("add", contacts), "contacts", "upsert"))
    sales = Wire(salesforce.destination, running.url)
    sales.settings["VERSION"] = "v62.0"
    rows = [{"Person_Id__c": "p1", "LastName": "Example", "Email": "ada@example.com"}]
    people_there = batch(records("add", rows), "Contact", "upsert", VERSION="v62.0")
    (ada,) = sales.converse(replace(people_there, match=("Person_Id__c",))).values()
    club = sales.prepare("CampaignMember", "vips", "The club's VIPs")
    joining = records("add", [{"ContactId": ada.channel_id, "Status": "Sent"}])
    sales.converse(batch(joining, "CampaignMember", audience=club, VERSION="v62.0"))
    orders = [{"order_id": f"shop-{n}", "gross_amount": 59.9} for n in range(8)]
    hook = Wire(webhook.destination, running.url)
    hook.converse(batch(records("append", orders), "records", "append"))
    deals = batch(
        records("add", [{"deal_id": "d1", "amount": 12000.5}]),
        "csv",
        "mirror",
        DIRECTORY=str(outbox),
    )
    files.destination.write(deals)
    files.destination.commit(deals.sync, deals.run_id, deals.settings)
