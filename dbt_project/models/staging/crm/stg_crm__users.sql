{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'user') }}

),

renamed as (

    select
        {{ row_origin('crm', 'user', [salesforce_id('id')], '_fivetran_synced') }},
        'crm-' || {{ salesforce_id('id') }} as owner_id,
        {{ normalise_email('email') }} as email,
        nullif(trim(name), '') as owner_name,
        coalesce({{ try_boolean('is_active') }}, false) as is_active
    from landed

)

{{ judged_rows('renamed', {}) }}
