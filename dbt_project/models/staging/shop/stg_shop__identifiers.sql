{{ config(enabled='shop' in var('sources')) }}

with

default_addresses as (

    select * from {{ ref('stg_shop__default_addresses') }}

),

customers as (

    select
        customers.*,
        {{ international_phone('customers.phone', 'default_addresses.country') }} as dialled_phone
    from {{ ref('stg_shop__customers') }} as customers
    left join default_addresses
        on customers.customer_id = default_addresses.customer_id

),

orders as (

    select * from {{ ref('stg_shop__orders') }}

),

checkouts as (

    select * from {{ ref('stg_shop__abandoned_checkouts') }}

)

{{ identifier_rows('customers', {
    'customer_id': 'shop_customer_id',
    'email': 'email',
    'dialled_phone': 'phone',
}, observed_at='created_at') }}

union all

{{ identifier_rows('orders', {
    'customer_id': 'shop_customer_id',
    'email': 'email',
    'phone': 'phone',
}, observed_at='ordered_at') }}

union all

{{ identifier_rows('checkouts', {
    'customer_id': 'shop_customer_id',
    'email': 'email',
    'phone': 'phone',
}, observed_at='started_at') }}
