{# Cuts each person's events on each device into sessions: half an hour of nothing ends one. #}
with

events as (

    select * from {{ ref('int_events_attributed') }}

),

lagged as (

    select
        event_id,
        person_id,
        device_id,
        occurred_at,
        lag(occurred_at) over (
            partition by person_id, device_id
            order by occurred_at, {{ byte_order('event_id') }}
        ) as previous_at
    from events

),

starts as (

    select
        *,
        case
            when previous_at is null then 1
            when {{ seconds_between('previous_at', 'occurred_at') }} >= 1800 then 1
            else 0
        end as is_start
    from lagged

),

numbered as (

    select
        *,
        sum(is_start) over (
            partition by person_id, device_id
            order by occurred_at, {{ byte_order('event_id') }}
            rows between unbounded preceding and current row
        ) as session_number
    from starts

)

select
    event_id,
    -- Named after its first event, so that a session keeps its name when people turn out to be one.
    {{ md5_of("first_value(event_id) over (
        partition by person_id, device_id, session_number
        order by occurred_at, " ~ byte_order('event_id') ~ "
    )") }} as session_id,
    row_number() over (
        partition by person_id, device_id, session_number
        order by occurred_at, {{ byte_order('event_id') }}
    ) as position
from numbered
