{{ config(enabled='consent' in var('sources')) }}

with

landed as (

    select * from {{ source('raw_consent', 'preferences') }}

),

renamed as (

    select
        {{ row_origin('consent', 'preferences', ['id'], 'received_at') }},
        ----------  ids
        id as preference_id,
        nullif(trim(user_id), '') as user_id,

        ----------  strings
        nullif(trim(email), '') as email,
        {{ ascii_lower("nullif(trim(purpose), '')") }} as purpose,
        {{ ascii_lower("nullif(trim(channel), '')") }} as channel,
        {{ ascii_lower("nullif(trim(state), '')") }} as state,
        {{ ascii_lower("nullif(trim(legal_basis), '')") }} as legal_basis,
        nullif(trim(source), '') as collected_through,

        ----------  times
        {{ try_timestamp('occurred_at') }} as occurred_at,
        {{ try_timestamp('received_at') }} as received_at
    from landed

)

{{ judged_rows('renamed', {
    'missing_key': 'purpose is null or channel is null or coalesce(email, user_id) is null',
    'bad_timestamp': 'occurred_at is null',
    'unknown_state': "coalesce(state, '') not in ('granted', 'denied')",
}) }}
