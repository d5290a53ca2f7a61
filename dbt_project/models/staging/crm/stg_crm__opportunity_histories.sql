{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'opportunity_history') }}

),

renamed as (

    select
        {{ row_origin('crm', 'opportunity_history', [salesforce_id('id')], '_fivetran_synced') }},
        'crm-' || {{ salesforce_id('id') }} as deal_stage_id,
        'crm-' || {{ salesforce_id('opportunity_id') }} as deal_id,
        nullif(trim(stage_name), '') as stage,
        {{ try_number('amount') }} as amount,
        {{ divide(try_number('probability'), '100') }} as probability,
        {{ try_date('close_date') }} as close_date,
        {{ try_timestamp('created_date') }} as entered_at
    from landed

)

{{ judged_rows('renamed', {
    'missing_key': 'deal_id is null or stage is null',
    'bad_timestamp': 'entered_at is null',
}) }}
