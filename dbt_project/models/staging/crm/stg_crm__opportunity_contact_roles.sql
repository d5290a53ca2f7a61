{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'opportunity_contact_role') }}

),

renamed as (

    select
        {{ row_origin(
            'crm', 'opportunity_contact_role', [salesforce_id('id')], '_fivetran_synced'
        ) }},
        'crm-' || {{ salesforce_id('opportunity_id') }} as deal_id,
        'crm-' || {{ salesforce_id('contact_id') }} as contact_id,
        nullif(trim(role), '') as role,
        coalesce({{ try_boolean('is_primary') }}, false) as is_primary
    from landed

)

{{ judged_rows('renamed', {'missing_key': 'deal_id is null or contact_id is null'}) }}
