{{ config(enabled='hubspot' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_hubspot', 'deal_stage') }}

),

stages as (

    select * from {{ ref('stg_hubspot__deal_pipeline_stages') }}
    where row_status = 'accepted'

),

renamed as (

    select
        {{ row_origin(
            'hubspot', 'deal_stage', ['deal_id', 'value', 'date_entered'], '_fivetran_synced'
        ) }},
        ----------  ids
        'hubspot-' || deal_id as deal_id,
        value as stage_id,

        ----------  times
        {{ try_timestamp('date_entered') }} as entered_at
    from landed

),

staged as (

    select
        renamed.*,
        'hubspot-' || renamed.source_id as deal_stage_id,
        coalesce(stages.stage, renamed.stage_id) as stage,
        cast(null as {{ type_of('money') }}) as amount
    from renamed
    left join stages on renamed.stage_id = stages.stage_id

)

{{ judged_rows('staged', {'bad_timestamp': 'entered_at is null'}) }}
