with

attribution as (

    select * from {{ ref('attribution') }}

),

spend as (

    select * from {{ ref('campaign_spend') }}

),

first_orders as (

    select
        order_id,
        row_number() over (
            partition by person_id order by ordered_at, {{ byte_order('order_id') }}
        ) as order_number
    from {{ ref('orders') }}
    where person_id is not null and status = 'placed'

),

models as (

    select distinct model
    from attribution

),

-- What was spent is spent under every model.
movements as (

    select
        cast({{ dbt.date_trunc('month', 'attribution.converted_at') }} as date) as month_date,
        attribution.model,
        coalesce(attribution.campaign_name, '(none)') as campaign_name,
        0 as spend,
        0 as clicks,
        attribution.revenue,
        attribution.credit,
        case when first_orders.order_number = 1 then attribution.credit else 0 end as new_customers
    from attribution
    left join first_orders on attribution.order_id = first_orders.order_id

    union all

    select
        cast({{ dbt.date_trunc('month', 'spend.spend_date') }} as date) as month_date,
        models.model,
        coalesce(spend.campaign_name, '(none)') as campaign_name,
        spend.spend_reporting as spend,
        coalesce(spend.clicks, 0) as clicks,
        0 as revenue,
        0 as credit,
        0 as new_customers
    from spend
    cross join models

),

summed as (

    select
        month_date,
        model,
        campaign_name,
        sum(spend) as spend,
        sum(clicks) as clicks,
        sum(revenue) as revenue,
        sum(credit) as conversions,
        sum(new_customers) as new_customers
    from movements
    group by 1, 2, 3

)

select
    month_date,
    model,
    campaign_name,
    {{ money('spend') }} as spend,
    cast(clicks as {{ dbt.type_bigint() }}) as clicks,
    {{ money('revenue') }} as revenue,
    cast(conversions as numeric(18, 9)) as conversions,
    cast(new_customers as numeric(18, 9)) as new_customers,
    cast({{ divide('revenue', 'spend') }} as numeric(18, 6)) as return_on_ad_spend,
    cast({{ divide('nullif(spend, 0)', 'new_customers') }} as numeric(18, 6))
        as customer_acquisition_cost
from summed
