{{ config(enabled='email' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_email', 'campaign_recipient_activity') }}

),

-- Mailchimp gives an activity no id: what is the same in all of these is the same activity.
renamed as (

    select
        {{ row_origin(
            'email', 'campaign_recipient_activity',
            [
                'campaign_id', 'list_id', 'member_id', 'action', '"timestamp"',
                "coalesce(nullif(url, ''), '-')",
            ],
            '_fivetran_synced'
        ) }},
        ----------  ids
        'email-' || campaign_id as campaign_id,
        'member/' || list_id || '/' || member_id as member_source_id,

        ----------  strings
        {{ ascii_lower("nullif(trim(action), '')") }} as action,
        {{ ascii_lower("nullif(trim(bounce_type), '')") }} as bounce_type,
        nullif(trim(url), '') as url,

        ----------  times
        {{ try_timestamp('"timestamp"') }} as occurred_at
    from landed

)

{{ judged_rows('renamed', {
    'bad_timestamp': 'occurred_at is null',
    'unknown_event': "action not in ('open', 'click', 'bounce')",
}) }}
