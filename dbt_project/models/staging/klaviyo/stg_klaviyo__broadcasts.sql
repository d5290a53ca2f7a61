{{ config(enabled='klaviyo' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_klaviyo', 'campaign') }}

),

renamed as (

    select
        {{ row_origin('klaviyo', 'campaign', ['id'], '_fivetran_synced') }},
        ----------  ids
        'klaviyo-' || id as campaign_id,

        ----------  strings
        nullif(trim(name), '') as campaign_name,
        cast('email' as {{ dbt.type_string() }}) as campaign_type,
        {{ ascii_lower("nullif(trim(status), '')") }} as status,

        ----------  times
        {{ try_timestamp('send_time') }} as started_at
    from landed

)

{{ judged_rows('renamed', {}) }}
