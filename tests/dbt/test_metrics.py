"""Every metric against a published answer or one computed by hand, on the real engine."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.defs.lifetime_fit import build_lifetime_fit
from orchestration.fit import Fit, fit_lifetime
from orchestration.landing import DuckDBWarehouse
from orchestration.lifetime import FitError, fit_bg_nbd
from tests.conftest import ROOT, Workspace
from tests.dbt.given import ask, drill_down, give, give_query

DATA = ROOT.parent / "shared" / "data"
NOON = datetime(2026, 6, 15, 12)


def _data(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the public data set {name} is not beside the project")
    return path


def _order(order_id: str, person: str | None, at: datetime, revenue: str, **more: Any) -> Any:
    row = {"order_id": order_id, "person_id": person, "status": "placed", "ordered_at": at}
    return {**row, "net_revenue": Decimal(revenue), **more}


def _visit(session_id: str, person: str, at: datetime, channel: str, campaign: str | None) -> Any:
    row = {"session_id": session_id, "person_id": person, "started_at": at, "channel": channel}
    return {**row, "campaign_name": campaign}


def _attributed() -> dict[str, list[Any]]:
    """Orders with three visits, two, only direct ones, none; and visits outside the lookback."""
    days = timedelta(days=1)
    return {
        "orders": [
            _order("three", "ada", NOON, "100.01"),
            _order("again", "ada", NOON + 40 * days, "10.00"),
            _order("two", "ben", NOON, "50.00"),
            _order("direct", "cleo", NOON, "30.00"),
            _order("none", "dora", NOON, "20.00"),
            _order("nobody", None, NOON, "5.00"),
            _order("cancelled", "ada", NOON, "999.00", status="cancelled"),
        ],
        "returns": [],
        "sessions": [
            _visit("a0", "ada", NOON - 30 * days - timedelta(seconds=1), "email", "too_early"),
            _visit("a1", "ada", NOON - 8 * days, "email", "letter"),
            _visit("a2", "ada", NOON - 3 * days, "paid search", "brand"),
            _visit("a3", "ada", NOON, "direct", None),
            _visit("a4", "ada", NOON + timedelta(seconds=1), "email", "too_late"),
            _visit("b1", "ben", NOON - 30 * days, "paid search", "brand"),
            _visit("b2", "ben", NOON - 1 * days, "email", "letter"),
            _visit("c1", "cleo", NOON - 2 * days, "direct", None),
            _visit("c2", "cleo", NOON - 1 * days, "direct", None),
        ],
        "campaign_spend": [
            {
                "platform": "search",
                "campaign_id": "1",
                "campaign_name": "brand",
                "spend_reporting": Decimal("40"),
                "clicks": 7,
                "spend_date": NOON.date(),
            }
        ],
    }


@pytest.fixture(scope="module")
def metrics(parsed: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Public orders and events beside hand-made ones, and every metric built over them."""
    workspace = parsed.copy(tmp_path_factory.mktemp("metrics"))
    give(workspace, **_attributed(), events=[])
    retail, clicks = DATA / "uci_online_retail_2009_2010.parquet", "retentioneering_clickstream.csv"
    if retail.exists():
        give_query(
            workspace,
            "orders",
            f"""
            select Invoice as order_id, cast(cast("Customer ID" as bigint) as text) as person_id,
                'placed' as status, min(cast(InvoiceDate as timestamp)) as ordered_at,
                sum(cast(Quantity * Price as numeric(18, 4))) as net_revenue
            from '{retail}'
            where "Customer ID" is not null and Invoice not like 'C%' and Price > 0
            group by all
            """,
        )
        give_query(
            workspace,
            "events",
            f"""
            select row_number() over () as event_id, user_id as person_id, timestamp as occurred_at,
                case event when 'product_view' then 'product_viewed'
                    when 'add_to_cart' then 'product_added' when 'purchase' then 'order_completed'
                    else event end as event_name
            from '{DATA / clicks}'
            """,
        )
    workspace.dbt(
        "run",
        "--select",
        "int_purchases_counted",
        "rfm_scores",
        "cohorts",
        "touchpoints",
        "attribution",
        "campaign_returns",
        "funnel_steps",
        "funnels",
    )
    yield workspace


def _credits(workspace: Workspace, model: str, order: str) -> list[tuple[str, float]]:
    rows = ask(
        workspace,
        f"""
        select session_id, credit from marts.attribution
        where model = '{model}' and order_id = '{order}' order by position
        """,
    )
    return [(session, float(credit)) for session, credit in rows]


@pytest.mark.parametrize(
    ("model", "three", "two", "direct"),
    [
        ("first_touch", {"a1": 1}, {"b1": 1}, {"c1": 1}),
        ("last_touch", {"a3": 1}, {"b2": 1}, {"c2": 1}),
        ("last_non_direct", {"a2": 1}, {"b2": 1}, {"c2": 1}),
        ("linear", {"a1": 1 / 3, "a2": 1 / 3, "a3": 1 / 3}, {"b1": 0.5, "b2": 0.5}, {"c1": 0.5}),
        ("position_based", {"a1": 0.4, "a2": 0.2, "a3": 0.4}, {"b1": 0.5, "b2": 0.5}, {"c1": 0.5}),
        (
            "time_decay",
            {"a1": 0.2062, "a2": 0.3384, "a3": 0.4554},
            {"b1": 1 / (1 + 2 ** (29 / 7)), "b2": 1 / (1 + 2 ** (-29 / 7))},
            {"c1": 1 / (1 + 2 ** (1 / 7))},
        ),
    ],
)
def test_credit_goes_where_the_model_says(
    metrics: Workspace, model: str, three: Any, two: Any, direct: Any
) -> None:
    # Half a day more than the eight and three days would be another answer: 12:00 to 12:00.
    assert dict(_credits(metrics, model, "three")) == pytest.approx(three, abs=5e-5)
    assert dict(_credits(metrics, model, "two")) == pytest.approx(two, abs=1e-8)
    first = dict(_credits(metrics, model, "direct"))
    assert {k: first[k] for k in direct} == pytest.approx(direct, abs=1e-8)
    assert _credits(metrics, model, "none") == [(None, 1.0)]
    assert _credits(metrics, model, "nobody") == [(None, 1.0)]
    assert _credits(metrics, model, "cancelled") == []


def test_credit_is_one_per_order_and_revenue_is_all_given_away(metrics: Workspace) -> None:
    apart = ask(
        metrics,
        """
        select model, order_id, sum(credit), sum(revenue) - any_value(net_revenue)
        from marts.attribution inner join marts.orders using (order_id)
        group by 1, 2 having sum(credit) <> 1 or sum(revenue) <> any_value(net_revenue)
        """,
    )
    assert apart == []
    assert ask(metrics, "select count(distinct model) from marts.attribution") == [(6,)]


def test_spend_is_set_against_what_it_brought(metrics: Workspace) -> None:
    rows = ask(
        metrics,
        """
        select campaign_name, spend, revenue, new_customers, return_on_ad_spend,
            customer_acquisition_cost
        from marts.campaign_returns where month_date = '2026-06-01' and model = 'first_touch'
        order by 1
        """,
    )
    assert [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in rows] == [
        ("(none)", 0.0, 55.0, 2.0, None, None),
        ("brand", 40.0, 50.0, 1.0, 1.25, 40.0),
        ("letter", 0.0, 100.01, 1.0, None, None),
    ]


def test_rfm_is_that_of_the_online_retailer(metrics: Workspace) -> None:
    _data("uci_online_retail_2009_2010.parquet")
    ((customers, invoices, value),) = ask(
        metrics,
        """
        select count(*), sum(frequency), sum(monetary_value) from marts.rfm_scores
        where regexp_full_match(person_id, '[0-9]+')
        """,
    )
    assert (customers, invoices, round(value, 2)) == (4312, 19213, Decimal("8832003.27"))
    for score in ("recency_score", "frequency_score", "monetary_score"):
        sizes = ask(
            metrics, f"select {score}, count(*) from marts.rfm_scores group by 1 order by 1"
        )
        assert [number for number, _ in sizes] == [1, 2, 3, 4, 5]
        assert max(n for _, n in sizes) - min(n for _, n in sizes) <= 1
    ((best, worst),) = ask(
        metrics,
        """
        select min(monetary_value) filter (monetary_score = 5),
            max(monetary_value) filter (monetary_score = 4) from marts.rfm_scores
        """,
    )
    assert best >= worst


def test_cohorts_are_those_of_the_online_retailer(metrics: Workspace) -> None:
    _data("uci_online_retail_2009_2010.parquet")
    rows = ask(
        metrics,
        """
        select month_number, customer_count, active_count from marts.cohorts
        where cohort_date = '2009-12-01' and month_number <= 3 order by 1
        """,
    )
    assert rows == [(0, 955, 955), (1, 955, 337), (2, 955, 319), (3, 955, 406)]


def test_the_funnel_is_that_of_the_clickstream(metrics: Workspace) -> None:
    _data("retentioneering_clickstream.csv")
    rows = ask(metrics, "select step_number, person_count from marts.funnels order by 1")
    assert rows == [(1, 598), (2, 517), (3, 290)]


@pytest.mark.parametrize("mart", ["campaign_returns", "cohorts", "funnels"])
def test_an_aggregate_drills_down_to_exactly_its_rows(metrics: Workspace, mart: str) -> None:
    aggregate, rows = drill_down(metrics, mart)
    assert aggregate
    assert aggregate == rows


@dataclass(frozen=True)
class Scored:
    """A warehouse in which customers are scored, and the fit by which they are."""

    workspace: Workspace
    fit: Fit


@pytest.fixture(scope="module")
def cdnow(parsed: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    """CDNOW's customers after 39 weeks: purchases counted, the models fitted, everybody scored."""
    sample = _data("cdnow/CDNOW_sample.txt")
    workspace = parsed.copy(tmp_path_factory.mktemp("cdnow"), SEAMLINE_AS_OF="1997-09-30T00:00:00")
    give(workspace, orders=[], returns=[])
    give_query(
        workspace,
        "orders",
        f"""
        with lines as (
            select string_split_regex(trim(line), ' +') as parts, row_number() over () as number
            from read_csv('{sample}', columns = {{'line': 'text'}}, delim = '|', header = false)
        )
        select number as order_id, parts[1] as person_id, 'placed' as status,
            strptime(parts[3], '%Y%m%d') as ordered_at,
            cast(parts[5] as numeric(18, 4)) as net_revenue
        from lines where parts[3] <= '19970930'
        """,
    )
    horizon = ("--vars", "{lifetime_horizon_weeks: 39}")
    workspace.dbt("build", "--select", "lifetime_parameters", "int_purchases_counted", *horizon)
    with DuckDBWarehouse(workspace.warehouse, 60, print) as warehouse:
        fit = fit_lifetime(warehouse)
    models = ("int_lifetime_parameters", "int_purchases_expected", "lifetime_values")
    workspace.dbt("run", "--select", *models, *horizon)
    return Scored(workspace, fit)


def test_purchases_are_fitted_as_published(cdnow: Scored) -> None:
    fit = cdnow.fit
    assert (fit.customer_count, fit.repeat_customer_count) == (2357, 946)
    assert fit.purchases.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert {k: getattr(fit.purchases, k) for k in published} == pytest.approx(published, abs=6e-4)
    published = {"p": 6.25, "q": 3.74, "v": 15.4}
    assert {k: getattr(fit.value, k) for k in published} == pytest.approx(published, abs=6e-2)


def test_the_fit_is_an_asset_that_writes_its_parameters(
    cdnow: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cdnow.workspace.environment.items():
        monkeypatch.setenv(name, value)
    before = ask(cdnow.workspace, "select * from ops.lifetime_fits")
    with duckdb.connect(str(cdnow.workspace.warehouse)) as connection:
        connection.execute("delete from ops.lifetime_fits")
    fits, _ = build_lifetime_fit()
    assert dg.materialize([fits]).success
    assert ask(cdnow.workspace, "select * from ops.lifetime_fits") == before


def test_customers_are_scored_as_published(cdnow: Scored) -> None:
    ((alive, expected, value),) = ask(
        cdnow.workspace,
        """
        select alive_probability, expected_purchases, expected_order_value
        from marts.lifetime_values where person_id = '00004'
        """,
    )
    assert (float(alive), float(expected)) == pytest.approx((0.7266, 1.226), abs=6e-4)
    # Two repeat purchases of 22.35 on average: (v + x m) p / (p x + q - 1).
    assert float(value) == pytest.approx(6.25 * (15.45 + 2 * 22.35) / (6.25 * 2 + 2.745), rel=2e-3)


def test_who_is_silent_for_longer_than_three_of_their_gaps_has_churned(cdnow: Scored) -> None:
    """Counted anew from the published file, in days: no SQL of ours, and medians of the library."""
    days: dict[str, set[date]] = {}
    for line in _data("cdnow/CDNOW_sample.txt").read_text().splitlines():
        customer, _, day, _, _ = line.split()
        if day <= "19970930":
            days.setdefault(customer, set()).add(datetime.strptime(day, "%Y%m%d").date())
    end = date(1997, 9, 30)
    expected: dict[str, bool | None] = {}
    for customer, bought in days.items():
        ordered = sorted(bought)
        gaps = [(later - earlier).days for earlier, later in itertools.pairwise(ordered)]
        silent = (end - ordered[-1]).days
        expected[customer] = silent > 3 * statistics.median(gaps) if gaps else None
    found = dict(ask(cdnow.workspace, "select person_id, is_churned from marts.lifetime_values"))
    assert found == expected
    assert [list(found.values()).count(each) for each in (True, False, None)] == [373, 573, 1411]


def test_the_next_half_is_forecast_before_it_happens(cdnow: Scored) -> None:
    """In the 39 weeks after the fit, which it has not seen, 1,882 purchases were made."""
    ((forecast,),) = ask(
        cdnow.workspace, "select sum(expected_purchases) from marts.lifetime_values"
    )
    assert float(forecast) == pytest.approx(1882, rel=0.15)


def test_too_few_customers_are_an_error_that_names_the_way_out() -> None:
    with pytest.raises(FitError, match="nothing to fit"):
        fit_bg_nbd([0, 0], [0, 0], [3, 4])
    alike = [2.0] * 12
    with pytest.raises(FitError, match="--shrink"):
        fit_bg_nbd(alike, [5.0] * 12, [6.0] * 12)
