with

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

returned as (

    select
        order_id,
        sum(amount) as amount
    from {{ ref('returns') }}
    where order_id is not null
    group by 1

),

rates as (

    select * from {{ ref('int_exchange_rates_dated') }}

),

-- A cancelled order keeps what it would have cost, and earns nothing.
netted as (

    select
        orders.*,
        coalesce(returned.amount, 0) as returned_amount,
        case
            when orders.status = 'cancelled' then 0
            else orders.gross_amount - coalesce(returned.amount, 0)
        end as net_amount
    from orders
    left join returned on orders.order_id = returned.order_id

)

select
    netted.order_id,
    netted.person_id,
    netted.source_name,
    netted.order_channel,
    netted.status,
    netted.currency,
    netted.cart_id,
    {{ money('netted.gross_amount') }} as gross_amount,
    {{ money('netted.discount_amount') }} as discount_amount,
    {{ money('netted.returned_amount') }} as returned_amount,
    {{ money('netted.net_amount') }} as net_amount,
    {{ money('netted.net_amount * rates.reporting_rate') }} as net_revenue,
    netted.ordered_at,
    netted.loaded_at
from netted
left join rates
    on netted.currency = rates.currency_code
    and netted.ordered_at >= rates.valid_from
    and netted.ordered_at < rates.valid_until
