{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'event') }}

),

renamed as (

    select
        {{ row_origin('crm', 'event', [salesforce_id('id')], '_fivetran_synced', 'is_deleted') }},
        'crm-' || {{ salesforce_id('id') }} as activity_id,
        'crm-' || {{ salesforce_id('who_id') }} as contact_id,
        case when what_id like '006%' then 'crm-' || {{ salesforce_id('what_id') }} end as deal_id,
        'crm-' || {{ salesforce_id('owner_id') }} as owner_id,
        nullif(trim(subject), '') as subject,
        {{ try_timestamp('start_date_time') }} as started_at,
        {{ try_timestamp('end_date_time') }} as ended_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'started_at is null'}) }}
