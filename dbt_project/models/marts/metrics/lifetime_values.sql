with

purchases as (

    select * from {{ ref('int_purchases_counted') }}

),

expected as (

    select * from {{ ref('int_purchases_expected') }}

),

parameters as (

    select * from {{ ref('int_lifetime_parameters') }}

),

-- Fader, Hardie and Lee (2005): whoever bought once cannot have left yet in this model, since one
-- leaves right after a purchase.
alive as (

    select
        purchases.*,
        parameters.p,
        parameters.q,
        parameters.v,
        case
            when purchases.repeat_count = 0 then 1.0
            else
                1 / (
                    1 + parameters.a / (parameters.b + purchases.repeat_count - 1)
                    * exp(
                        (parameters.r + purchases.repeat_count)
                        * ln(
                            (parameters.alpha + purchases.age_weeks)
                            / (parameters.alpha + purchases.recency_weeks)
                        )
                    )
                )
        end as alive_probability
    from purchases
    left join parameters on purchases.repeat_count is not null

),

-- Fader and Hardie (2013): the mean value of all customers, drawn towards one's own by how often
-- one has bought. Who got everything back is worth nothing more than that to the model.
predicted as (

    select
        alive.*,
        alive.alive_probability * expected.purchases_if_alive as expected_purchases,
        case
            when alive.repeat_count = 0 or alive.mean_repeat_value <= 0
                then alive.p * alive.v / nullif(alive.q - 1, 0)
            else
                alive.p * (alive.v + alive.repeat_count * alive.mean_repeat_value)
                / nullif(alive.p * alive.repeat_count + alive.q - 1, 0)
        end as expected_value
    from alive
    left join expected
        on alive.repeat_count = expected.repeat_count
        and alive.age_weeks = expected.age_weeks

)

select
    person_id,
    order_count,
    net_revenue as historic_value,
    {{ money('net_revenue * ' ~ var('gross_margin')) }} as historic_margin,
    cast(alive_probability as numeric(18, 6)) as alive_probability,
    cast(expected_purchases as numeric(18, 6)) as expected_purchases,
    {{ money('expected_value') }} as expected_order_value,
    {{ money('expected_purchases * expected_value * ' ~ var('gross_margin')) }} as predicted_margin,
    cast(median_gap_days as numeric(18, 4)) as median_gap_days,
    silent_days > {{ var('churn_after_gaps') }} * median_gap_days as is_churned,
    first_order_at,
    last_order_at
from predicted
