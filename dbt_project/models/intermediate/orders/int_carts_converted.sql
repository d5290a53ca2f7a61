{#
    The order that ended a cart: the one that names it, else the first that the same person placed
    afterwards, in whatever channel: who has bought at the till needs no reminder of the cart. Where
    the shop's orders are not in the warehouse, or have been cancelled, the site's word is taken.
#}
with

carts as (

    select * from {{ ref('int_carts_touched') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}
    where status = 'placed'

),

events as (

    select * from {{ ref('events') }}
    where event_name = 'order_completed' and cart_id is not null

),

candidates as (

    select
        carts.cart_id,
        orders.order_id,
        orders.ordered_at,
        1 as preference
    from carts
    inner join orders on carts.cart_id = orders.cart_id

    union all

    select
        carts.cart_id,
        orders.order_id,
        orders.ordered_at,
        2 as preference
    from carts
    inner join orders
        on carts.person_id = orders.person_id
        and carts.last_activity_at < orders.ordered_at

    union all

    select
        cart_id,
        coalesce(order_id, event_id) as order_id,
        occurred_at as ordered_at,
        3 as preference
    from events

),

ranked as (

    select
        *,
        row_number() over (
            partition by cart_id
            order by preference, ordered_at, {{ byte_order('order_id') }}
        ) as position
    from candidates

)

select
    cart_id,
    order_id,
    ordered_at as converted_at
from ranked
where position = 1
