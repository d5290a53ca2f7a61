{{ config(enabled='crm' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_crm', 'opportunity') }}

),

renamed as (

    select
        {{ row_origin(
            'crm', 'opportunity', [salesforce_id('id')], '_fivetran_synced', 'is_deleted'
        ) }},
        'crm-' || {{ salesforce_id('id') }} as deal_id,
        'crm-' || {{ salesforce_id('account_id') }} as account_id,
        'crm-' || {{ salesforce_id('owner_id') }} as owner_id,
        'crm-' || {{ salesforce_id('campaign_id') }} as campaign_id,
        nullif(trim(name), '') as deal_name,
        nullif(trim(type), '') as deal_type,
        nullif(trim(lead_source), '') as lead_source,
        nullif(trim(stage_name), '') as stage,
        nullif(trim(forecast_category_name), '') as forecast_category,
        coalesce(
            {{ normalise_currency('currency_iso_code') }}, '{{ var("reporting_currency") }}'
        ) as currency,
        nullif(trim(amount), '') as landed_amount,
        {{ try_number('amount') }} as amount,
        {{ divide(try_number('probability'), '100') }} as probability,
        coalesce({{ try_boolean('is_closed') }}, false) as is_closed,
        coalesce({{ try_boolean('is_won') }}, false) as is_won,
        {{ try_date('close_date') }} as close_date,
        {{ try_timestamp('created_date') }} as created_at
    from landed

)

{{ judged_rows('renamed', {
    'bad_timestamp': 'created_at is null',
    'bad_number': 'landed_amount is not null and amount is null',
}) }}
