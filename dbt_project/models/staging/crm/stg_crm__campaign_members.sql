{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'campaign_member') }}

),

renamed as (

    select
        {{ row_origin(
            'crm', 'campaign_member', [salesforce_id('id')], '_fivetran_synced', 'is_deleted'
        ) }},
        'crm-' || {{ salesforce_id('id') }} as campaign_member_id,
        'crm-' || {{ salesforce_id('campaign_id') }} as campaign_id,
        'crm-' || coalesce(
            {{ salesforce_id('contact_id') }}, {{ salesforce_id('lead_id') }}
        ) as contact_id,
        {{ ascii_lower("nullif(trim(status), '')") }} as member_status,
        coalesce({{ try_boolean('has_responded') }}, false) as has_responded,
        {{ try_timestamp('created_date') }} as created_at,
        {{ try_timestamp('first_responded_date') }} as responded_at
    from landed

)

{{ judged_rows('renamed', {'missing_key': 'campaign_id is null or contact_id is null'}) }}
