{{ config(enabled='pos' in var('sources')) }}

with

receipts as (

    select * from {{ ref('stg_pos__receipts') }}

),

loyalty_members as (

    select * from {{ ref('stg_pos__loyalty_members') }}

)

{{ attribute_rows('loyalty_members', {
    'email': 'email',
    'phone': 'phone',
    'first_name': 'first_name',
    'last_name': 'last_name',
}, observed_at='joined_at') }}

union all

{{ attribute_rows('receipts', {
    'email': 'email',
    'phone': 'phone',
}, observed_at='sold_at') }}
