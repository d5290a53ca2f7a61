{{ config(enabled='hubspot' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_hubspot', 'deal_pipeline_stage') }}

),

renamed as (

    select
        {{ row_origin('hubspot', 'deal_pipeline_stage', ['stage_id'], '_fivetran_synced') }},
        ----------  ids
        stage_id,
        pipeline_id,

        ----------  strings
        coalesce(nullif(trim(label), ''), stage_id) as stage,

        ----------  numbers
        {{ divide(try_number('probability'), '1') }} as probability,
        {{ try_integer('display_order') }} as display_order,

        ----------  booleans
        coalesce({{ try_boolean('is_closed') }}, false) as is_closed,
        coalesce({{ try_boolean('closed_won') }}, false) as is_won
    from landed

)

{{ judged_rows('renamed', {}) }}
