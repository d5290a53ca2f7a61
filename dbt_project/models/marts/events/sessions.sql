with

events as (

    select * from {{ ref('events') }}

),

positions as (

    select * from {{ ref('int_events_sessionised') }}

),

groupings as (

    select * from {{ ref('channel_groupings') }}

),

-- The campaign and the referrer are those of the event that opened the session.
opened as (

    select
        events.session_id,
        events.referrer,
        events.campaign_source,
        events.campaign_medium,
        events.campaign_name,
        events.device_type
    from events
    inner join positions on events.event_id = positions.event_id
    where positions.position = 1

),

counted as (

    select
        session_id,
        max(person_id) as person_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as event_count,
        sum(case when event_name in ('page_viewed', 'screen_viewed') then 1 else 0 end)
            as page_view_count,
        max(case when event_name = 'order_completed' then 1 else 0 end) as order_completed
    from events
    group by 1

),

landings as (

    select
        events.session_id,
        events.page_path,
        row_number() over (partition by events.session_id order by positions.position) as position
    from events
    inner join positions on events.event_id = positions.event_id
    where events.page_path is not null

),

arrivals as (

    select distinct
        {{ ascii_lower("coalesce(campaign_source, '')") }} as campaign_source,
        {{ ascii_lower("coalesce(campaign_medium, '')") }} as campaign_medium,
        {{ ascii_lower("coalesce(referrer, '')") }} as referrer
    from opened

),

channels as (

    select
        arrivals.*,
        groupings.channel,
        row_number() over (
            partition by arrivals.campaign_source, arrivals.campaign_medium, arrivals.referrer
            order by groupings.priority
        ) as position
    from arrivals
    inner join groupings
        on arrivals.campaign_source like coalesce(groupings.campaign_source, '')
        and arrivals.campaign_medium like coalesce(groupings.campaign_medium, '')
        and arrivals.referrer like coalesce(groupings.referrer, '')

)

select
    counted.session_id,
    counted.person_id,
    counted.started_at,
    counted.ended_at,
    cast(counted.event_count as {{ dbt.type_bigint() }}) as event_count,
    cast(counted.page_view_count as {{ dbt.type_bigint() }}) as page_view_count,
    landings.page_path as landing_page_path,
    opened.referrer,
    opened.campaign_source,
    opened.campaign_medium,
    opened.campaign_name,
    coalesce(channels.channel, 'other') as channel,
    opened.device_type,
    counted.order_completed = 1 as has_order
from counted
inner join opened on counted.session_id = opened.session_id
left join landings
    on counted.session_id = landings.session_id
    and landings.position = 1
left join channels
    on channels.campaign_source = {{ ascii_lower("coalesce(opened.campaign_source, '')") }}
    and channels.campaign_medium = {{ ascii_lower("coalesce(opened.campaign_medium, '')") }}
    and channels.referrer = {{ ascii_lower("coalesce(opened.referrer, '')") }}
    and channels.position = 1
