with orders as (

    select * from {{ ref('orders') }}

),

order_lines as (

    select
        order_id,
        count(*) as line_count
    from {{ ref('order_lines') }}
    group by 1

)

-- An event is sent once and never changed: only what was true when the order was placed belongs
-- here, no status and no returns.
select
    orders.order_id,
    orders.person_id,
    orders.person_id as customer_id,
    orders.source_name,
    orders.order_channel,
    orders.currency,
    coalesce(order_lines.line_count, 0) as line_count,
    orders.gross_amount,
    orders.discount_amount,
    orders.ordered_at,
    orders.ordered_at as occurred_at
from orders
left join order_lines on orders.order_id = order_lines.order_id
where orders.status = 'placed'
