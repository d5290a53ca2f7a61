{# Whoever has bought since, on any channel, did not abandon the cart; and nothing is abandoned
   before half an hour has passed. #}
select
    carts.cart_id,
    carts.person_id,
    carts.last_activity_at,
    orders.order_id
from {{ ref('carts') }} as carts
left join {{ ref('orders') }} as orders
    on carts.person_id = orders.person_id
    and orders.status = 'placed'
    and carts.last_activity_at < orders.ordered_at
where
    carts.status = 'abandoned'
    and (orders.order_id is not null or carts.abandoned_at > {{ as_of() }})
