{{ config(enabled='clickstream' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_clickstream', 'events') }}

),

renamed as (

    select
        {{ row_origin('clickstream', 'events', ['_file', '_row'], none) }},

        ----------  ids
        user_id,
        session_id,

        ----------  strings
        event as event_label,
        platform,
        acquisition_channel,
        user_cohort,
        user_lifecycle,

        ----------  times
        {{ try_timestamp('timestamp') }} as occurred_at
    from landed

)

{{ judged_rows('renamed', {
    'bad_timestamp': 'occurred_at is null',
    'missing_identity': 'user_id is null',
    'unknown_event': 'event_label is null',
}, same_as=['user_id', 'session_id', 'event_label', 'platform', 'occurred_at']) }}
