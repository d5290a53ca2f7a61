{{ config(enabled='shop' in var('sources')) }}

with

default_addresses as (

    select * from {{ ref('stg_shop__default_addresses') }}

),

customers as (

    select
        customers.*,
        default_addresses.city,
        default_addresses.postal_code,
        default_addresses.country,
        coalesce(customers.updated_at, customers.created_at) as observed_at,
        {{ international_phone('customers.phone', 'default_addresses.country') }} as dialled_phone
    from {{ ref('stg_shop__customers') }} as customers
    left join default_addresses
        on customers.customer_id = default_addresses.customer_id

),

orders as (

    select * from {{ ref('stg_shop__orders') }}

)

{{ attribute_rows('customers', {
    'email': 'email',
    'phone': 'dialled_phone',
    'first_name': 'first_name',
    'last_name': 'last_name',
    'city': 'city',
    'postal_code': 'postal_code',
    'country': 'country',
}, is_verified={'email': 'is_verified_email'}) }}

union all

{{ attribute_rows('orders', {
    'email': 'email',
    'phone': 'phone',
    'city': 'city',
    'country': 'country',
}, observed_at='ordered_at') }}
