{{ config(enabled='web' in var('sources')) }}

with

identifies as (

    select * from {{ ref('stg_web__identifies') }}

),

events as (

    select * from {{ ref('stg_web__events') }}

)

{{ identifier_rows('identifies', {
    'user_id': 'user_id',
    'anonymous_id': 'anonymous_id',
    'email': 'email',
    'phone': 'phone',
}, observed_at='occurred_at') }}

union all

{{ visitor_identifiers('events') }}
