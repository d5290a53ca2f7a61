with

carts as (

    select * from {{ ref('int_carts_touched') }}

),

cart_items as (

    select * from {{ ref('cart_items') }}

),

conversions as (

    select * from {{ ref('int_carts_converted') }}

),

contents as (

    select
        cart_id,
        sum(quantity) as item_count,
        sum(quantity * unit_price) as value,
        min(currency) as currency
    from cart_items
    group by 1

)

select
    carts.cart_id,
    carts.person_id,
    case
        when conversions.order_id is not null then 'converted'
        when {{ seconds_between('carts.last_activity_at', as_of()) }} >= 1800 then 'abandoned'
        else 'open'
    end as status,
    cast(coalesce(contents.item_count, 0) as {{ dbt.type_bigint() }}) as item_count,
    {{ money('coalesce(contents.value, 0)') }} as value,
    coalesce(contents.currency, carts.currency) as currency,
    conversions.order_id,
    carts.created_at,
    carts.last_activity_at,
    case
        when conversions.order_id is null
            and {{ seconds_between('carts.last_activity_at', as_of()) }} >= 1800
            then {{ add_seconds('carts.last_activity_at', 1800) }}
    end as abandoned_at,
    conversions.converted_at
from carts
left join contents on carts.cart_id = contents.cart_id
left join conversions on carts.cart_id = conversions.cart_id
