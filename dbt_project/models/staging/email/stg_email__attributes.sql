{{ config(enabled='email' in var('sources')) }}

with

members as (

    select * from {{ ref('stg_email__members') }}

)

{{ attribute_rows('members', {
    'email': 'email',
    'first_name': 'first_name',
    'last_name': 'last_name',
    'country': 'country',
}, observed_at='updated_at', is_verified={'email': 'opted_in_at is not null'}) }}
