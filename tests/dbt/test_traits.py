"""Where people stand, at the very edges of what defines it; and the traits in both their forms."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import AS_OF, Workspace
from tests.dbt.given import ask, give

NOW = datetime.fromisoformat(AS_OF)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)

# When people ordered. New for 30 days, active for 60 after the last order, lapsed after 120.
BOUGHT: dict[str, tuple[str, list[datetime]]] = {
    "first": ("new", [NOW - 30 * DAY]),
    "first_a_second_earlier": ("active", [NOW - 30 * DAY - SECOND]),
    "often": ("active", [NOW - 100 * DAY, NOW - 60 * DAY]),
    "a_second_too_long_ago": ("at_risk", [NOW - 100 * DAY, NOW - 60 * DAY - SECOND]),
    "just_not_lapsed": ("at_risk", [NOW - 120 * DAY]),
    "gone": ("lapsed", [NOW - 120 * DAY - SECOND]),
    "back_after_121_days": ("reactivated", [NOW - 171 * DAY, NOW - 50 * DAY]),
    "back_after_120_days": ("active", [NOW - 170 * DAY, NOW - 50 * DAY]),
}
# Gaps of ten and eleven days, whatever the hour: silence of 31 days is no churn yet, of 32 it is.
SILENT: dict[str, tuple[bool | None, list[datetime]]] = {
    "for_31_days": (False, [NOW - (31 + n) * DAY + HOUR for n in (21, 10, 0)]),
    "for_32_days": (True, [NOW - (32 + n) * DAY + 20 * HOUR for n in (21, 10, 0)]),
    "for_three_gaps": (False, [NOW - 40 * DAY + 23 * HOUR, NOW - 30 * DAY]),
    "since_the_only_order": (None, [NOW - 300 * DAY]),
    "since_a_day_of_two_orders": (None, [NOW - 300 * DAY, NOW - 300 * DAY + HOUR]),
}
OPEN, WON, LOST = (False, False), (True, True), (True, False)
# Deals, then what sales knows beside them.
SOLD: dict[str, tuple[str | None, list[tuple[bool, bool]], dict[str, Any]]] = {
    "twice": ("evangelist", [WON, WON], {}),
    "once": ("customer", [WON, OPEN, LOST], {}),
    "negotiating": ("opportunity", [OPEN], {"lead": {"status": "Working", "is_qualified": True}}),
    "worked_on": ("sales_qualified_lead", [LOST], {"lead": {"status": "Working"}}),
    "handed_over": ("sales_qualified_lead", [], {"lifecycle_stage": "salesqualifiedlead"}),
    "warm": ("marketing_qualified_lead", [], {"lead": {"status": "New", "is_qualified": True}}),
    "cold": ("lead", [], {"lead": {"status": "New", "is_qualified": False}, "state": "granted"}),
    "reader": ("subscriber", [], {"state": "granted"}),
    "refuser": (None, [LOST], {"state": "denied"}),
}


def _given() -> dict[str, list[dict[str, Any]]]:
    bought = {**BOUGHT, **SILENT}
    people = ["device", "known", "cancelled", *bought, *SOLD]
    orders = [
        {"order_id": f"{who}/{n}", "person_id": who, "status": "placed", "ordered_at": at}
        for who, (_, times) in bought.items()
        for n, at in enumerate(times)
    ]
    orders.append({**orders[0], "order_id": "x", "person_id": "cancelled", "status": "cancelled"})
    visits = [("b", "email", 9), ("a", "direct", 9), ("d", "paid search", 2), ("c", "referral", 2)]
    facts = {who: more for who, (_, _, more) in SOLD.items()}
    return {
        "orders": [{**order, "net_revenue": Decimal(10)} for order in orders],
        "returns": [],
        "people": [
            {"person_id": who, "is_anonymous": who == "device", "order_count": 1, "net_revenue": 9,
             "last_order_at": max(bought[who][1]) if who in bought else None}
            for who in people
        ],
        "household_members": [{"person_id": "known", "household_id": "h"}],
        "contacts": [
            {"person_id": who, "account_id": "acme", "lifecycle_stage": more["lifecycle_stage"]}
            for who, more in facts.items()
            if "lifecycle_stage" in more
        ],
        "sessions": [
            {"session_id": f"s-{name}", "person_id": "known", "channel": channel,
             "started_at": NOW - days * DAY}
            for name, channel, days in visits
        ],
        "tickets": [
            {"ticket_id": "1", "person_id": "known", "is_open": True, "priority": "urgent",
             "created_at": NOW - HOUR},
            {"ticket_id": "2", "person_id": "device", "is_open": False, "priority": "urgent",
             "created_at": NOW - HOUR},
        ],
        "deals": [
            {"deal_id": f"{who}/{n}", "person_id": who, "is_closed": closed, "is_won": won}
            for who, (_, deals, _) in SOLD.items()
            for n, (closed, won) in enumerate(deals)
        ],
        "lead_scores": [
            {"lead_id": who, "person_id": who, "score": 7, **more["lead"]}
            for who, more in facts.items()
            if "lead" in more
        ],
        "current_consents": [
            {"person_id": who, "purpose": "email_marketing", "state": more["state"]}
            for who, more in facts.items()
            if "state" in more
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def traits(parsed: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The traits of the people above."""
    workspace = parsed.copy(tmp_path_factory.mktemp("traits"))
    give(workspace, **_given())
    counted = ("lifetime_parameters", "int_purchases_counted", "int_purchases_expected")
    scored = ("int_lifetime_parameters", "rfm_scores", "lifetime_values")
    models = (*counted, *scored, "person_traits", "person_trait_values")
    workspace.dbt("build", "--select", *models, "--exclude", "test_type:data")
    return workspace


def test_a_customer_s_stage_changes_at_the_second_that_its_window_ends(traits: Workspace) -> None:
    found = dict(ask(traits, "select person_id, customer_stage from marts.person_traits"))
    assert {who: found[who] for who in BOUGHT} == {who: stage for who, (stage, _) in BOUGHT.items()}
    assert (found["device"], found["known"], found["cancelled"]) == (
        "visitor",
        "prospect",
        "prospect",
    )


def test_silence_and_gaps_are_counted_in_the_same_days(traits: Workspace) -> None:
    found = dict(ask(traits, "select person_id, is_churned from marts.person_traits"))
    assert {who: found[who] for who in SILENT} == {who: is_so for who, (is_so, _) in SILENT.items()}


def test_the_furthest_that_sales_has_come_is_the_sales_stage(traits: Workspace) -> None:
    found = dict(ask(traits, "select person_id, sales_stage from marts.person_traits"))
    assert {who: found[who] for who in SOLD} == {who: stage for who, (stage, _, _) in SOLD.items()}


def test_first_and_last_touch_are_the_channels_of_the_first_and_last_visit(
    traits: Workspace,
) -> None:
    """Of two visits at the same instant the lesser id is the earlier one."""
    rows = ask(
        traits,
        """
        select first_touch_channel, last_touch_channel, session_count, has_severe_ticket
        from marts.person_traits where person_id in ('known', 'device') order by 3 desc
        """,
    )
    assert rows == [("direct", "paid search", 4, True), (None, None, 0, False)]


def test_long_and_wide_say_the_same(traits: Workspace) -> None:
    nodes = json.loads(traits.manifest.read_text())["nodes"]
    _, *names = nodes["model.seamline.person_traits"]["columns"]
    rows = ask(traits, f"select person_id, {', '.join(names)} from marts.person_traits")
    wide = {
        (person, name): value
        for person, *values in rows
        for name, value in zip(names, values, strict=True)
        if value is not None
    }
    long = {
        (person, trait): text if text is not None else at if at is not None else number
        for person, trait, text, number, at in ask(
            traits,
            "select person_id, trait, text_value, number_value, value_at"
            " from marts.person_trait_values",
        )
    }
    assert long == wide
    assert {trait for _, trait in long} == set(names)
