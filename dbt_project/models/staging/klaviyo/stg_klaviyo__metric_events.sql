{{ config(enabled='klaviyo' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_klaviyo', 'event') }}

),

renamed as (

    select
        {{ row_origin('klaviyo', 'event', ['id'], '_fivetran_synced') }},
        ----------  ids
        'person/' || nullif(person_id, '') as member_source_id,
        'klaviyo-' || coalesce(nullif(flow_id, ''), nullif(campaign_id, '')) as campaign_id,

        ----------  strings
        nullif(trim(type), '') as metric,
        {{ ascii_lower("nullif(trim(property_bounce_type), '')") }} as bounce_type,
        nullif(trim(property_url), '') as url,

        ----------  times
        {{ try_timestamp('datetime') }} as occurred_at
    from landed

)

{{ judged_rows('renamed', {
    'missing_key': 'member_source_id is null',
    'bad_timestamp': 'occurred_at is null',
    'unknown_event': 'metric is null',
}) }}
