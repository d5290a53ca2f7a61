-- noqa: disable=layout.indent
with

tickets as (

    {{ union_sources('tickets', {
        'ticket_id': 'string',
        'requester_source_id': 'string',
        'subject': 'string',
        'status': 'string',
        'priority': 'string',
        'ticket_type': 'string',
        'channel': 'string',
        'created_at': 'timestamp',
        'updated_at': 'timestamp',
    }) }}

),

followed as (

    select * from {{ ref('int_tickets_followed') }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

judged as (

    select
        tickets.*,
        coalesce(tickets.status not in ('solved', 'closed'), true) as is_open,
        coalesce(followed.reopen_count, 0) as reopen_count,
        followed.rating,
        followed.first_response_at,
        -- A ticket that came back is not solved, whatever its history says.
        case when tickets.status in ('solved', 'closed') then followed.solved_at end as solved_at
    from tickets
    left join followed on tickets.ticket_id = followed.ticket_id

),

-- What is still waiting has waited until now.
timed as (

    select
        *,
        {{ seconds_between('created_at', 'coalesce(first_response_at, ' ~ as_of() ~ ')') }} / 3600
            as waited_for_response,
        {{ seconds_between('created_at', 'coalesce(solved_at, ' ~ as_of() ~ ')') }} / 3600
            as waited_for_solution
    from judged

)

select
    timed.ticket_id,
    person_records.person_id,
    timed.source_name,
    timed.subject,
    timed.status,
    timed.priority,
    timed.ticket_type,
    timed.channel,
    timed.rating,
    cast(timed.reopen_count as {{ dbt.type_bigint() }}) as reopen_count,
    timed.is_open,
    cast(case when timed.first_response_at is not null then timed.waited_for_response end
        as numeric(18, 4)) as first_response_hours,
    cast(case when timed.solved_at is not null then timed.waited_for_solution end
        as numeric(18, 4)) as resolution_hours,
    {{ exceeds_service_level('timed.waited_for_response', 'first_response_hours') }}
        as is_response_late,
    {{ exceeds_service_level('timed.waited_for_solution', 'resolution_hours') }}
        and (timed.is_open or timed.solved_at is not null) as is_resolution_late,
    timed.created_at,
    timed.updated_at,
    timed.first_response_at,
    timed.solved_at
from timed
left join person_records
    on timed.source_name = person_records.source_name
    and timed.requester_source_id = person_records.source_id
