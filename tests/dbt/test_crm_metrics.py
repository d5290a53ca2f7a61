"""Sales, service and campaigns against a public pipeline and against answers computed by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import ROOT, Workspace
from tests.dbt.given import ask, drill_down, give, give_query

PUBLIC = ROOT.parent / "shared" / "data" / "crm_opportunities" / "sales_pipeline.csv"
NOW = datetime(2026, 11, 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _deal(deal: str, probability: float, amount: str, **more: Any) -> dict[str, Any]:
    closed = {"is_closed": False, "is_won": False, "owner_id": "ann", "source_name": "crm"}
    row = {"deal_id": deal, "probability": probability, "amount_reporting": Decimal(amount)}
    return {**closed, **row, "created_at": datetime(2026, 10, 1), **more}


def _ticket(ticket: str, priority: str, created: datetime, **more: Any) -> dict[str, Any]:
    row = {"ticket_id": ticket, "priority": priority, "created_at": created, "person_id": "ada"}
    times = {"is_open": True, "reopen_count": 0, "is_response_late": False}
    return {**row, **times, "is_resolution_late": False, **more}


def _mail(number: int, person: str, kind: str, at: datetime) -> dict[str, Any]:
    row = {"email_event_id": str(number), "person_id": person, "event_type": kind}
    return {**row, "campaign_id": "letter", "occurred_at": at}


def _did(number: int, person: str, activity: str, at: datetime) -> dict[str, Any]:
    row = {"activity_id": str(number), "person_id": person, "activity": activity}
    return {**row, "occurred_at": at}


def _order(order: str, person: str, at: datetime, revenue: str) -> dict[str, Any]:
    row = {"order_id": order, "person_id": person, "status": "placed", "ordered_at": at}
    return {**row, "net_revenue": Decimal(revenue)}


GIVEN: dict[str, list[dict[str, Any]]] = {
    "deals": [
        _deal("a", 0.8, "1000", stage="Offer", close_date=date(2026, 12, 24)),
        _deal("b", 0.4, "500", stage="Offer", close_date=date(2026, 12, 1)),
        _deal("c", 0.1, "300", stage="First talk", owner_id=None),
        _deal("w", 1, "200", stage="Won", is_closed=True, is_won=True, close_date="2026-10-11"),
        _deal("v", 1, "400", stage="Won", is_closed=True, is_won=True, close_date="2026-10-21"),
        _deal("l", 0, "900", stage="Lost", is_closed=True, close_date=date(2026, 10, 6)),
    ],
    # Three closed deals were ever on offer, two of them were won.
    "deal_stages": [
        {"deal_stage_id": f"{deal}{number}", "deal_id": deal, "source_name": "crm", "stage": stage}
        for deal in "wvl"
        for number, stage in enumerate(("First talk", "Offer", "First talk", "Offer"))
    ],
    "tasks": [
        {"task_id": "1", "owner_id": "ann", "is_completed": False, "is_overdue": True},
        {"task_id": "2", "owner_id": "ann", "is_completed": False, "is_overdue": False},
        {"task_id": "3", "owner_id": "ann", "is_completed": True, "is_overdue": False},
        {"task_id": "4", "owner_id": "bob", "is_completed": True, "is_overdue": False},
    ],
    "tickets": [
        _ticket("1", "high", datetime(2026, 9, 30, 23, 59, 59)),
        _ticket("2", "high", datetime(2026, 10, 1), is_open=False, first_response_hours=2,
                first_response_at=NOW, solved_at=NOW, resolution_hours=10, reopen_count=2,
                rating="good"),
        _ticket("3", "high", datetime(2026, 10, 9), first_response_hours=6, first_response_at=NOW,
                is_response_late=True, rating="good"),
        _ticket("4", "high", datetime(2026, 10, 31, 23), is_response_late=True,
                is_resolution_late=True, rating="bad"),
    ],
    "campaigns": [{"campaign_id": "letter"}, {"campaign_id": "fair"}],
    "email_events": [
        _mail(1, "ada", "sent", NOW - 10 * DAY),
        _mail(2, "ben", "sent", NOW - 10 * DAY),
        _mail(3, "cleo", "sent", NOW - 10 * DAY),
        _mail(4, "cleo", "bounced", NOW - 10 * DAY),
        _mail(5, "ada", "opened", NOW - 9 * DAY),
        _mail(6, "ada", "opened", NOW - 9 * DAY + HOUR),
        _mail(7, "ada", "clicked", NOW - 9 * DAY),
        _mail(8, "ada", "clicked", NOW - 9 * DAY + HOUR),
        _mail(9, "ben", "clicked", NOW - 9 * DAY),
    ],
    "campaign_members": [
        {"campaign_member_id": "1", "campaign_id": "fair", "person_id": "ada",
         "has_responded": True, "responded_at": NOW - DAY},
        {"campaign_member_id": "2", "campaign_id": "fair", "person_id": "ben",
         "has_responded": False},
    ],
    # Bought within seven days of the click; at the very end of them; before the answer.
    "orders": [
        _order("1", "ada", NOW - 8 * DAY, "30"),
        _order("2", "ben", NOW - 2 * DAY, "50"),
    ],
    "leads": [
        {"lead_id": "hot", "person_id": "ada", "lead_source": "Web", "company_name": "Acme",
         "is_converted": False, "status": "New"},
        {"lead_id": "cold", "person_id": "ben", "lead_source": "Other", "is_converted": False},
        {"lead_id": "won", "person_id": "cleo", "is_converted": True},
    ],
    "people": [
        {"person_id": "ada", "phone": "+44", "job_title": "Head"},
        {"person_id": "ben"},
    ],
    "timeline": [
        _did(1, "ada", "checkout_started", NOW - 14 * DAY),
        _did(2, "ada", "email_clicked", NOW - 28 * DAY),
        _did(3, "ada", "product_viewed", NOW),
        _did(4, "ada", "ticket_opened", NOW),
        _did(5, "ben", "campaign_responded", NOW - 90 * DAY),
        _did(6, "ben", "checkout_started", NOW - 90 * DAY - timedelta(seconds=1)),
    ],
}  # fmt: skip
MARTS = (
    "pipeline",
    "owner_performance",
    "service_performance",
    "campaign_conversions",
    "campaign_results",
    "lead_scores",
)
SIBLINGS = ("campaign_conversions", "lead_scores")  # rows themselves


@pytest.fixture(scope="module")
def sales(parsed: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The rows above, with the public pipeline as the deals of a second CRM, and the marts."""
    workspace = parsed.copy(tmp_path_factory.mktemp("sales"))
    give(workspace, **GIVEN)
    if PUBLIC.exists():
        give_query(
            workspace,
            "deals",
            f"""
            select opportunity_id as deal_id, 'public' as source_name, sales_agent as owner_id,
                deal_stage as stage, close_value as amount_reporting,
                deal_stage in ('Won', 'Lost') as is_closed, deal_stage = 'Won' as is_won,
                close_date, cast(engage_date as timestamp) as created_at
            from '{PUBLIC}'
            """,
        )
    workspace.dbt("run", "--select", *MARTS)
    return workspace


def _numbers(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in rows]


def test_the_public_pipeline_is_counted_as_published(sales: Workspace) -> None:
    if not PUBLIC.exists():
        pytest.skip("the public data set crm_opportunities is not beside the project")
    counts = ask(
        sales,
        """
        select stage, sum(deal_count), sum(amount) from marts.pipeline
        where source_name = 'public' group by 1 order by 1
        """,
    )
    assert [(stage, count) for stage, count, _ in counts] == [
        ("Engaging", 1589), ("Lost", 2473), ("Prospecting", 500), ("Won", 4238)
    ]  # fmt: skip
    assert sum(count for _, count, _ in counts) == 8800
    assert dict((stage, amount) for stage, _, amount in counts)["Won"] == 10_005_534
    ((won, lost, days_to_win, days_to_lose),) = ask(
        sales,
        """
        select sum(won_deal_count), sum(lost_deal_count),
            sum(mean_days_to_win * won_deal_count) / sum(won_deal_count),
            sum(mean_days_to_lose * lost_deal_count) / sum(lost_deal_count)
        from marts.owner_performance where owner_id not in ('ann', 'bob', '(none)')
        """,
    )
    assert (won, lost) == (4238, 2473)
    assert won / (won + lost) == pytest.approx(0.6315, abs=5e-5)
    assert float(days_to_win) == pytest.approx(51.78, abs=0.005)
    assert float(days_to_lose) == pytest.approx(41.48, abs=0.005)


def test_the_pipeline_is_weighted_by_the_crm_and_forecast_by_history(sales: Workspace) -> None:
    rows = ask(
        sales,
        """
        select stage, owner_id, close_month_date, forecast_category, deal_count, amount,
            weighted_amount, forecast_amount
        from marts.pipeline where source_name = 'crm' order by 1, 4
        """,
    )
    december, october = date(2026, 12, 1), date(2026, 10, 1)
    assert _numbers(rows) == [
        ("First talk", "(none)", None, "pipeline", 1, 300, 30, 200),
        ("Lost", "ann", october, "lost", 1, 900, 0, 0),
        ("Offer", "ann", december, "best_case", 1, 500, 200, pytest.approx(333.3333)),
        ("Offer", "ann", december, "commit", 1, 1000, 800, pytest.approx(666.6667)),
        ("Won", "ann", october, "won", 2, 600, 0, 0),
    ]


def test_an_owner_s_sales_and_tasks_are_counted_by_hand(sales: Workspace) -> None:
    rows = ask(
        sales,
        """
        select owner_id, open_deal_count, open_amount, won_deal_count, won_amount, lost_deal_count,
            win_rate, mean_won_amount, mean_days_to_win, velocity_per_day,
            open_task_count, overdue_task_count, completed_task_count
        from marts.owner_performance where owner_id in ('ann', 'bob') order by 1
        """,
    )
    # Two open deals x 2/3 x 300 per 15 days.
    assert _numbers(rows) == [
        ("ann", 2, 1500, 2, 600, 1, pytest.approx(2 / 3, abs=1e-6), 300, 15,
         pytest.approx(2 * 2 / 3 * 300 / 15, abs=1e-3), 2, 1, 1),
        ("bob", 0, 0, 0, 0, 0, None, None, None, None, 0, 0, 1),
    ]  # fmt: skip


def test_service_is_measured_by_the_month_that_a_ticket_came_in(sales: Workspace) -> None:
    rows = ask(
        sales,
        """
        select month_date, priority, ticket_count, backlog_count, answered_count, solved_count,
            reopened_count, late_response_count, late_resolution_count, median_response_hours,
            median_resolution_hours, rated_count, satisfied_count, satisfaction_rate
        from marts.service_performance order by 1
        """,
    )
    assert _numbers(rows) == [
        (date(2026, 9, 1), "high", 1, 1, 0, 0, 0, 0, 0, None, None, 0, 0, None),
        (
            date(2026, 10, 1),
            "high",
            3,
            2,
            2,
            1,
            1,
            2,
            1,
            4,
            10,
            3,
            2,
            pytest.approx(2 / 3, abs=1e-6),
        ),
    ]


def test_a_campaign_converts_whoever_orders_within_its_window(sales: Workspace) -> None:
    rows = ask(
        sales,
        """
        select campaign_id, member_count, responded_count, sent_count, delivered_count,
            bounced_count, opened_count, opener_count, clicked_count, clicker_count,
            converted_count, revenue
        from marts.campaign_results order by 1
        """,
    )
    assert _numbers(rows) == [
        ("fair", 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        ("letter", 0, 0, 3, 2, 1, 2, 1, 3, 2, 1, 30),
    ]


def test_a_lead_s_points_decay_and_end_with_the_window(sales: Workspace) -> None:
    rows = ask(
        sales,
        """
        select lead_id, explicit_points, behaviour_points, score, is_qualified
        from marts.lead_scores order by 1
        """,
    )
    # A checkout one half-life ago is worth 4 of 8, a click two half-lives ago 1.25 of 5.
    faded = pytest.approx(15 * 2 ** (-90 / 14), abs=1e-4)
    assert _numbers(rows) == [
        ("cold", 0, faded, faded, False),
        ("hot", 10 + 5 + 5 + 5, 4 + 1.25 + 2, 25 + 7.25, True),
    ]


@pytest.mark.parametrize("mart", [mart for mart in MARTS if mart not in SIBLINGS])
def test_an_aggregate_drills_down_to_exactly_its_rows(sales: Workspace, mart: str) -> None:
    aggregate, rows = drill_down(sales, mart)
    assert aggregate
    assert aggregate == rows
