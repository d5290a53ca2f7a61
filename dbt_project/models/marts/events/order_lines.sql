with

order_lines as (

    {{ union_sources('order_lines', {
        'order_line_id': 'string',
        'order_id': 'string',
        'product_id': 'string',
        'sku': 'string',
        'product_name': 'string',
        'quantity': 'bigint',
        'unit_price': 'money',
        'line_amount': 'money',
    }) }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

returned as (

    select
        order_line_id,
        sum(quantity) as quantity,
        sum(amount) as amount
    from {{ ref('returns') }}
    where order_line_id is not null
    group by 1

)

select
    order_lines.order_line_id,
    order_lines.order_id,
    orders.person_id,
    order_lines.product_id,
    order_lines.sku,
    order_lines.product_name,
    order_lines.quantity,
    cast(coalesce(returned.quantity, 0) as {{ dbt.type_bigint() }}) as returned_quantity,
    order_lines.unit_price,
    order_lines.line_amount,
    {{ money('coalesce(returned.amount, 0)') }} as returned_amount,
    {{ money('order_lines.line_amount - coalesce(returned.amount, 0)') }} as net_amount,
    orders.ordered_at
from order_lines
inner join orders on order_lines.order_id = orders.order_id
left join returned on order_lines.order_line_id = returned.order_line_id
