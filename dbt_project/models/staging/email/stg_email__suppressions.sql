{{ config(enabled='email' in var('sources')) }}

{#
    An address that left a list, was cleaned off it or bounced for good. Every version of a member
    counts, also one that was superseded since: an import can overwrite a state, not a wish.
#}
with

members as (

    select * from {{ ref('stg_email__members') }}
    where row_status in ('accepted', 'duplicate')

),

addresses as (

    select distinct
        source_id,
        email
    from members

),

unsubscribes as (

    select
        unsubscribes.*,
        addresses.email,
        case
            when
                {{ matches_pattern(
                    ascii_lower("coalesce(unsubscribes.stated_reason, '')"), 'spam|abuse|complain'
                ) }}
                then 'complained'
            else 'unsubscribed'
        end as reason
    from {{ ref('stg_email__unsubscribes') }} as unsubscribes
    inner join addresses on unsubscribes.member_source_id = addresses.source_id
    where unsubscribes.row_status in ('accepted', 'duplicate')

),

bounces as (

    select
        activities.*,
        addresses.email
    from {{ ref('stg_email__campaign_recipient_activities') }} as activities
    inner join addresses on activities.member_source_id = addresses.source_id
    where activities.row_status = 'accepted'
        and activities.action = 'bounce'
        and activities.bounce_type = 'hard'

),

reasons as (

    select
        source_name,
        source_id,
        loaded_at,
        case status when 'cleaned' then 'hard_bounce' else 'unsubscribed' end as reason,
        email,
        updated_at as suppressed_at
    from members
    where status in ('unsubscribed', 'cleaned')

    union all

    select
        source_name,
        member_source_id as source_id,
        loaded_at,
        reason,
        email,
        occurred_at as suppressed_at
    from unsubscribes

    union all

    select
        source_name,
        member_source_id as source_id,
        loaded_at,
        'hard_bounce' as reason,
        email,
        occurred_at as suppressed_at
    from bounces

)

select distinct
    source_name,
    source_id,
    loaded_at,
    false as is_deleted,
    'accepted' as row_status,
    reason,
    'email' as channel,
    suppressed_at,
    'email' as identifier_type,
    email as identifier_value
from reasons
