"""``seamline fit``: the prediction's parameters, from the purchases that the last build counted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

import typer

from orchestration.landing import Warehouse, open_warehouse
from orchestration.lifetime import BGNBD, FitError, GammaGamma, fit_bg_nbd, fit_gamma_gamma
from reverse_etl.contract.profile import read_profile

_TABLE = """create table if not exists ops.lifetime_fits (
    fitted_at timestamp, customer_count bigint, repeat_customer_count bigint,
    r double precision, alpha double precision, a double precision, b double precision,
    p double precision, q double precision, v double precision,
    purchases_log_likelihood double precision, value_log_likelihood double precision
)"""


@dataclass(frozen=True)
class Fit:
    """What one fit found, and on whom; ``fitted_at`` is the instant that the build looked at."""

    fitted_at: datetime
    customer_count: int
    repeat_customer_count: int
    purchases: BGNBD
    value: GammaGamma


def fit_lifetime(warehouse: Warehouse, *, shrink: float = 0.0) -> Fit:
    """Fit both models on ``intermediate.int_purchases_counted`` and keep their parameters.

    A fit as of the same instant replaces the one before.

    Raises:
        FitError: nothing was built yet, or there is nothing to fit.
    """
    relation = "intermediate.int_purchases_counted"
    if not warehouse.execute(
        "select 1 from information_schema.tables where table_schema = 'intermediate'"
        " and table_name = 'int_purchases_counted'"
    ):
        raise FitError(f"{relation} does not exist; build the project first (`make demo`).")
    rows = warehouse.execute(
        "select repeat_count, recency_weeks, age_weeks, coalesce(mean_repeat_value, 0), counted_at"
        f" from {relation} where repeat_count is not null order by person_id"
    )
    if not rows:
        raise FitError(f"{relation} has no customers; there is nothing to fit.")
    repeats, recency, age, value, counted_at = zip(*rows, strict=True)
    fit = Fit(
        counted_at[0],
        len(rows),
        sum(repeat > 0 for repeat in repeats),
        fit_bg_nbd(repeats, recency, age, shrink=shrink),
        fit_gamma_gamma(repeats, value, shrink=shrink),
    )
    _keep(warehouse, fit)
    return fit


def _keep(warehouse: Warehouse, fit: Fit) -> None:
    instant = f"timestamp '{fit.fitted_at.isoformat(sep=' ')}'"
    one, two = fit.purchases, fit.value
    figures = (one.r, one.alpha, one.a, one.b, two.p, two.q, two.v)
    likelihoods = (one.log_likelihood, two.log_likelihood)
    with warehouse.transaction():
        warehouse.execute("create schema if not exists ops")
        warehouse.execute(_TABLE)
        warehouse.execute(f"delete from ops.lifetime_fits where fitted_at = {instant}")
        warehouse.execute(
            f"insert into ops.lifetime_fits values ({instant}, {fit.customer_count},"
            f" {fit.repeat_customer_count}, {', '.join(map(repr, (*figures, *likelihoods)))})"
        )


def fit_command(
    *,
    shrink: Annotated[
        float,
        typer.Option(help="Hold the parameters near 1, for few customers: 0 (none) to 0.01."),
    ] = 0.0,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for a DuckDB file that another process holds.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the fit as JSON.")] = False,
) -> None:
    """Fit the models that predict purchases, on what the last build counted.

    The parameters go to ops.lifetime_fits; the next build scores with them. Fit now and then, not
    with each build: they move slowly. Needs the extra: pip install 'seamline[lifetime]'.
    """
    with open_warehouse(read_profile(), wait, lambda text: typer.echo(text, err=True)) as warehouse:
        fit = fit_lifetime(warehouse, shrink=shrink)
    if as_json:
        typer.echo(json.dumps(asdict(fit), indent=2, default=str))
        return
    one, two = fit.purchases, fit.value
    typer.echo(
        f"{fit.customer_count:,} customers, {fit.repeat_customer_count:,} of them with repeat"
        f" purchases, as of {fit.fitted_at}\n"
        f"  BG/NBD       r {one.r:.4f}  alpha {one.alpha:.4f}  a {one.a:.4f}  b {one.b:.4f}"
        f"  log-likelihood {one.log_likelihood:.2f}\n"
        f"  Gamma-Gamma  p {two.p:.4f}  q {two.q:.4f}  v {two.v:.4f}"
        f"  log-likelihood {two.log_likelihood:.2f}"
    )
