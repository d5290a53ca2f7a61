{{ config(enabled='crm' in var('sources')) }}

with

contacts as (

    select
        *,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_crm__contacts') }}

),

leads as (

    select
        *,
        coalesce(updated_at, created_at) as observed_at
    from {{ ref('stg_crm__leads') }}

)

{{ attribute_rows('contacts', {
    'email': 'email',
    'phone': 'phone',
    'first_name': 'first_name',
    'last_name': 'last_name',
    'company_name': 'company_name',
    'job_title': 'job_title',
    'city': 'city',
    'country': 'country',
}) }}

union all

{{ attribute_rows('leads', {
    'email': 'email',
    'phone': 'phone',
    'first_name': 'first_name',
    'last_name': 'last_name',
    'company_name': 'company_name',
    'job_title': 'job_title',
    'country': 'country',
}) }}
