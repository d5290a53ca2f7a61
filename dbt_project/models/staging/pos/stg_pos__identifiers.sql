{{ config(enabled='pos' in var('sources')) }}

with

receipts as (

    select * from {{ ref('stg_pos__receipts') }}

),

loyalty_members as (

    select * from {{ ref('stg_pos__loyalty_members') }}

)

{{ identifier_rows('receipts', {
    'loyalty_id': 'loyalty_id',
    'email': 'email',
    'phone': 'phone',
}, observed_at='sold_at') }}

union all

{{ identifier_rows('loyalty_members', {
    'loyalty_id': 'loyalty_id',
    'email': 'email',
    'phone': 'phone',
}, observed_at='joined_at') }}
