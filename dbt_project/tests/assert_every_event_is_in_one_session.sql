{# No event is lost between staging and marts, and each is counted by exactly one session, whose
   person is its own. #}
with

staged as (

    {{ union_sources('events', {'event_id': 'string', 'occurred_at': 'timestamp'}) }}

)

select
    staged.event_id,
    events.session_id,
    events.person_id as event_person_id,
    sessions.person_id as session_person_id
from staged
left join {{ ref('events') }} as events on staged.event_id = events.event_id
left join {{ ref('sessions') }} as sessions on events.session_id = sessions.session_id
where
    staged.occurred_at <= {{ as_of() }}
    and (
        sessions.session_id is null
        or coalesce(events.person_id, '') <> coalesce(sessions.person_id, '')
        or events.occurred_at not between sessions.started_at and sessions.ended_at
    )

union all

select
    cast(null as {{ dbt.type_string() }}) as event_id,
    sessions.session_id,
    cast(null as {{ dbt.type_string() }}) as event_person_id,
    sessions.person_id as session_person_id
from {{ ref('sessions') }} as sessions
left join {{ ref('events') }} as events on sessions.session_id = events.session_id
-- Nothing selected stands for the count, so it cannot be grouped by its place.
group by sessions.session_id, sessions.person_id, sessions.event_count  -- noqa: AM06
having count(events.event_id) <> sessions.event_count
