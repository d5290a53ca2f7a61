{#
    The visits that may have led to each order: those of the same person that began within the
    lookback before it, its very instant included, and none after it. An order without any, or
    without a person, is a row with position 0.
#}
{%- set lookback = var('attribution_lookback_days') -%}

with

orders as (

    select * from {{ ref('orders') }}
    where status = 'placed'

),

sessions as (

    select * from {{ ref('sessions') }}

),

touched as (

    select
        orders.order_id,
        sessions.session_id,
        sessions.channel,
        sessions.campaign_source,
        sessions.campaign_medium,
        sessions.campaign_name,
        sessions.started_at as touched_at,
        {{ seconds_between('sessions.started_at', 'orders.ordered_at') }} / 86400 as days_before,
        case when sessions.channel <> 'direct' then 1 else 0 end as is_not_direct
    from orders
    inner join sessions
        on orders.person_id = sessions.person_id
        and orders.ordered_at >= sessions.started_at
        and {{ add_seconds('orders.ordered_at', -86400 * lookback) }} <= sessions.started_at

),

placed as (

    select
        *,
        row_number() over (
            partition by order_id order by touched_at, {{ byte_order('session_id') }}
        ) as position,
        count(*) over (partition by order_id) as touch_count
    from touched

),

decided as (

    select
        *,
        -- Where every visit was direct, the last of them counts.
        max(case when is_not_direct = 1 then position end)
            over (partition by order_id) as last_not_direct
    from placed

)

select
    orders.order_id,
    cast(coalesce(decided.position, 0) as {{ dbt.type_bigint() }}) as position,
    orders.person_id,
    decided.session_id,
    coalesce(decided.channel, 'unattributed') as channel,
    decided.campaign_source,
    decided.campaign_medium,
    decided.campaign_name,
    cast(coalesce(decided.touch_count, 0) as {{ dbt.type_bigint() }}) as touch_count,
    cast(coalesce(decided.last_not_direct, decided.touch_count, 0) as {{ dbt.type_bigint() }})
        as last_not_direct,
    decided.days_before,
    {{ money('orders.net_revenue') }} as net_revenue,
    decided.touched_at,
    orders.ordered_at as converted_at
from orders
left join decided on orders.order_id = decided.order_id
