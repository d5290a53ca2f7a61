{{ config(enabled='klaviyo' in var('sources')) }}

with

persons as (

    select * from {{ ref('stg_klaviyo__persons') }}

)

{{ identifier_rows('persons', {'email': 'email'}, observed_at='updated_at') }}
