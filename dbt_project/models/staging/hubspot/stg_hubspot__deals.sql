{{ config(enabled='hubspot' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_hubspot', 'deal') }}

),

stages as (

    select * from {{ ref('stg_hubspot__deal_pipeline_stages') }}
    where row_status = 'accepted'

),

primary_contacts as (

    select
        deal_id,
        {{ byte_min('contact_id') }} as contact_id
    from {{ ref('stg_hubspot__deal_contacts') }}
    where row_status = 'accepted'
    group by 1

),

renamed as (

    select
        {{ row_origin('hubspot', 'deal', ['deal_id'], '_fivetran_synced', 'is_deleted') }},
        ----------  ids
        'hubspot-' || deal_id as deal_id,
        deal_pipeline_stage_id as stage_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        'hubspot-' || nullif(owner_id, '') as owner_id,
        cast(null as {{ dbt.type_string() }}) as campaign_id,

        ----------  strings
        nullif(trim(property_dealname), '') as deal_name,
        nullif(trim(deal_pipeline_id), '') as pipeline,
        -- Amounts are in the portal's own currency, which HubSpot does not repeat on the deal.
        '{{ var("hubspot_currency") }}' as currency,
        nullif(trim(property_amount), '') as landed_amount,

        ----------  numbers
        {{ try_number('property_amount') }} as amount,

        ----------  dates and times
        {{ try_date('property_closedate') }} as close_date,
        {{ try_timestamp('property_createdate') }} as created_at
    from landed

),

staged as (

    select
        renamed.*,
        primary_contacts.contact_id as primary_contact_id,
        coalesce(stages.stage, renamed.stage_id) as stage,
        stages.probability,
        coalesce(stages.is_closed, false) as is_closed,
        coalesce(stages.is_won, false) as is_won
    from renamed
    left join stages on renamed.stage_id = stages.stage_id
    left join primary_contacts on renamed.deal_id = primary_contacts.deal_id

)

{{ judged_rows('staged', {
    'bad_timestamp': 'created_at is null',
    'bad_number': 'landed_amount is not null and amount is null',
}) }}
