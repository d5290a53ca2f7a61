{{ config(enabled='email' in var('sources')) }}

with

members as (

    select * from {{ ref('stg_email__members') }}

)

{{ identifier_rows('members', {'email': 'email'}, observed_at='updated_at') }}
