{# An order's gross amount is its lines', what was returned of it is its returns', and what is left
   is its net amount; a cancelled order is worth nothing. #}
with

lines as (

    select
        order_id,
        sum(line_amount) as line_amount
    from {{ ref('order_lines') }}
    group by 1

),

returned as (

    select
        order_id,
        sum(amount) as amount
    from {{ ref('returns') }}
    where order_id is not null
    group by 1

)

select
    orders.order_id,
    orders.gross_amount,
    lines.line_amount,
    orders.returned_amount,
    returned.amount as returns_amount,
    orders.net_amount
from {{ ref('orders') }} as orders
left join lines on orders.order_id = lines.order_id
left join returned on orders.order_id = returned.order_id
where
    orders.gross_amount <> coalesce(lines.line_amount, orders.gross_amount)
    or orders.returned_amount <> coalesce(returned.amount, 0)
    or orders.net_amount <> case
        when orders.status = 'cancelled' then 0
        else orders.gross_amount - orders.returned_amount
    end
