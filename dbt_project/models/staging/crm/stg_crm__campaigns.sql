{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'campaign') }}

),

renamed as (

    select
        {{ row_origin(
            'crm', 'campaign', [salesforce_id('id')], '_fivetran_synced', 'is_deleted'
        ) }},
        'crm-' || {{ salesforce_id('id') }} as campaign_id,
        nullif(trim(name), '') as campaign_name,
        {{ ascii_lower("nullif(trim(type), '')") }} as campaign_type,
        {{ ascii_lower("nullif(trim(status), '')") }} as status,
        {{ try_number('budgeted_cost') }} as budget_amount,
        {{ try_number('actual_cost') }} as actual_amount,
        {{ try_timestamp('start_date') }} as started_at,
        {{ try_timestamp('end_date') }} as ended_at,
        {{ try_timestamp('created_date') }} as created_at
    from landed

)

{{ judged_rows('renamed', {}) }}
