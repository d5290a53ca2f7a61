{{ config(enabled='hubspot' in var('sources')) }}

with

contacts as (

    select
        *,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_hubspot__contacts') }}

)

{{ attribute_rows('contacts', {
    'email': 'email',
    'phone': 'phone',
    'first_name': 'first_name',
    'last_name': 'last_name',
    'company_name': 'company_name',
    'job_title': 'job_title',
}) }}
