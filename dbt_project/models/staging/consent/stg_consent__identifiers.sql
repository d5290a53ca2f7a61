{{ config(enabled='consent' in var('sources')) }}

with

preferences as (

    select * from {{ ref('stg_consent__preferences') }}

)

{{ identifier_rows('preferences', {
    'user_id': 'user_id',
    'email': 'email',
}, observed_at='occurred_at') }}
