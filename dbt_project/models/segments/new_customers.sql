with people as (

    select * from {{ ref('people') }}

),

orders as (

    select * from {{ ref('orders') }}

),

-- `people.first_order_at` is over all channels; this names the order behind it.
first_orders as (

    select
        person_id,
        order_id,
        order_channel,
        row_number() over (
            partition by person_id
            order by ordered_at, {{ byte_order('order_id') }}
        ) as purchase
    from orders
    where
        person_id is not null
        and status = 'placed'

)

select
    people.person_id,
    first_orders.order_id as first_order_id,
    first_orders.order_channel as first_order_channel,
    people.order_count,
    people.net_revenue,
    people.first_order_at
from people
inner join first_orders on people.person_id = first_orders.person_id
where
    first_orders.purchase = 1
    and people.first_order_at >= {{ days_before(as_of(), 30) }}
