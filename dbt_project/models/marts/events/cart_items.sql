with

events as (

    select * from {{ ref('events') }}
    where cart_id is not null and event_name in ('product_added', 'product_removed')

),

carts as (

    select * from {{ ref('int_carts_touched') }}

),

moves as (

    select
        *,
        coalesce(product_id, sku, product_name) as item_key,
        case when event_name = 'product_added' then 1 else -1 end * coalesce(quantity, 1) as moved,
        row_number() over (
            partition by cart_id, coalesce(product_id, sku, product_name)
            order by
                case when event_name = 'product_added' then 0 else 1 end,
                occurred_at desc,
                {{ byte_order('event_id') }} desc
        ) as recency
    from events

),

-- Taking out more than was put in, as happens when an event was lost, leaves nothing, not less.
items as (

    select
        cart_id,
        item_key,
        sum(moved) as quantity,
        min(case when moved > 0 then occurred_at end) as added_at
    from moves
    group by 1, 2
    having sum(moved) > 0

)

select
    items.cart_id,
    carts.person_id,
    latest.product_id,
    latest.sku,
    latest.product_name,
    cast(items.quantity as {{ dbt.type_bigint() }}) as quantity,
    {{ money('latest.price') }} as unit_price,
    latest.currency,
    items.added_at
from items
inner join moves as latest
    on items.cart_id = latest.cart_id
    and items.item_key = latest.item_key
    and latest.recency = 1
inner join carts on items.cart_id = carts.cart_id
