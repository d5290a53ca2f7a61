{{ config(enabled='klaviyo' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_klaviyo', 'flow') }}

),

renamed as (

    select
        {{ row_origin('klaviyo', 'flow', ['id'], '_fivetran_synced') }},
        ----------  ids
        'klaviyo-' || id as campaign_id,

        ----------  strings
        nullif(trim(name), '') as campaign_name,
        cast('flow' as {{ dbt.type_string() }}) as campaign_type,
        {{ ascii_lower("nullif(trim(status), '')") }} as status,

        ----------  times
        {{ try_timestamp('created') }} as started_at
    from landed

)

{{ judged_rows('renamed', {}) }}
