{{ config(enabled='email' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_email', 'unsubscribe') }}

),

renamed as (

    select
        {{ row_origin(
            'email', 'unsubscribe', ['campaign_id', 'list_id', 'member_id'], '_fivetran_synced'
        ) }},
        ----------  ids
        'email-' || campaign_id as campaign_id,
        'member/' || list_id || '/' || member_id as member_source_id,

        ----------  strings
        nullif(trim(reason), '') as stated_reason,

        ----------  times
        {{ try_timestamp('"timestamp"') }} as occurred_at
    from landed

)

{{ judged_rows('renamed', {'bad_timestamp': 'occurred_at is null'}, newest_by='occurred_at') }}
