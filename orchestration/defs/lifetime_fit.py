"""The models that predict purchases, fitted as an asset: each month, not with each build."""

import dagster as dg

from orchestration.defs.options import mendable
from orchestration.defs.resources import database_pool
from orchestration.fit import fit_lifetime
from orchestration.landing import open_warehouse
from reverse_etl.contract.profile import read_profile

FITS = dg.AssetKey(["ops", "lifetime_fits"])


_OPTIONS = {
    "shrink": dg.Field(
        float,
        default_value=0.0,
        description="Hold the parameters near 1, for few customers: 0 (none) to 0.01.",
    )
}


def build_lifetime_fit() -> tuple[dg.AssetsDefinition, dg.ScheduleDefinition]:
    """Return the asset of the fits, and the schedule that fits anew each month.

    The next build scores with what was found, and without a fit with what is on record.
    """

    @dg.asset(
        key=FITS,
        deps=[dg.AssetKey(["intermediate", "int_purchases_counted"])],
        group_name="reference",
        owners=["crm@example.com"],
        description="Parameters of BG/NBD and Gamma-Gamma, one row per fit (`seamline fit`).",
        kinds={"python", "scipy"},
        pool=database_pool(),
        config_schema=_OPTIONS,
    )
    def lifetime_fits(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        shrink = context.op_execution_context.op_config["shrink"]
        with mendable(), open_warehouse(read_profile(), 60.0, context.log.info) as warehouse:
            fit = fit_lifetime(warehouse, shrink=shrink)
        purchases, value = fit.purchases, fit.value
        return dg.MaterializeResult(
            metadata={
                "customers": fit.customer_count,
                "repeat_customers": fit.repeat_customer_count,
                **{name: getattr(purchases, name) for name in ("r", "alpha", "a", "b")},
                **{name: getattr(value, name) for name in ("p", "q", "v")},
                "purchases_log_likelihood": purchases.log_likelihood,
                "value_log_likelihood": value.log_likelihood,
            }
        )

    job = dg.define_asset_job(
        "lifetime_fit",
        selection=dg.AssetSelection.assets(FITS),
        description="Fit the models that predict purchases, on what the last build counted.",
    )
    schedule = dg.ScheduleDefinition(
        name="every_month",
        job=job,
        cron_schedule="0 3 1 * *",
        execution_timezone="UTC",
        description="The parameters move slowly: a fit a month is enough.",
    )
    return lifetime_fits, schedule
