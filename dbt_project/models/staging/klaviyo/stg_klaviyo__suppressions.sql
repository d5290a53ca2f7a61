{{ config(enabled='klaviyo' in var('sources')) }}

{# Every version of a profile counts: an import can overwrite an address, not a wish. #}
with

addresses as (

    select distinct
        source_id,
        email
    from {{ ref('stg_klaviyo__persons') }}
    where row_status in ('accepted', 'duplicate')

),

events as (

    select
        *,
        case
            when metric = 'Unsubscribed' then 'unsubscribed'
            when metric = 'Marked Email as Spam' then 'complained'
            when metric = 'Bounced Email' and bounce_type = 'hard' then 'hard_bounce'
        end as reason
    from {{ ref('stg_klaviyo__metric_events') }}
    where row_status in ('accepted', 'duplicate')

)

select distinct
    events.source_name,
    events.member_source_id as source_id,
    events.loaded_at,
    false as is_deleted,
    'accepted' as row_status,
    events.reason,
    'email' as channel,
    events.occurred_at as suppressed_at,
    'email' as identifier_type,
    addresses.email as identifier_value
from events
inner join addresses on events.member_source_id = addresses.source_id
where events.reason is not null
