with carts as (

    select * from {{ ref('carts') }}

),

cart_items as (

    select * from {{ ref('cart_items') }}

),

-- `carts` decides what abandoned means (half an hour of nothing, and no purchase on any channel,
-- the tills included); after two weeks a reminder is no longer a service.
abandoned as (

    select
        *,
        row_number() over (
            partition by person_id
            order by last_activity_at desc, {{ byte_order('cart_id') }} asc
        ) as recency
    from carts
    where
        status = 'abandoned'
        and item_count > 0
        and last_activity_at >= {{ days_before(as_of(), 14) }}
        and person_id is not null

),

contents as (

    select
        cart_id,
        '[' || {{ string_list(
            json_object({
                'sku': ('sku', 'string'),
                'product_name': ('product_name', 'string'),
                'quantity': ('quantity', 'bigint'),
                'unit_price': ('unit_price', 'money'),
            }),
            byte_order('sku')
        ) }} || ']' as items
    from cart_items
    group by 1

)

select
    abandoned.person_id,
    abandoned.cart_id,
    abandoned.currency,
    contents.items,
    abandoned.item_count,
    abandoned.value as cart_value,
    abandoned.last_activity_at
from abandoned
inner join contents on abandoned.cart_id = contents.cart_id
where abandoned.recency = 1
