{{ config(enabled='shop' in var('sources')) }}

{# The one address Shopify marks as default for a customer; should it mark two, the newest. #}
with

addresses as (

    select * from {{ ref('stg_shop__customer_addresses') }}
    where row_status = 'accepted' and is_default and customer_id is not null

),

ranked as (

    select
        customer_id,
        city,
        postal_code,
        country,
        row_number() over (
            partition by customer_id
            order by loaded_at desc, {{ byte_order('customer_address_id') }} desc
        ) as recency
    from addresses

)

select
    customer_id,
    city,
    postal_code,
    country
from ranked
where recency = 1
