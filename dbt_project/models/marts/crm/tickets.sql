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
        *,
        coalesce(status not in ('solved', 'closed'), true) as is_open
    from tickets

)

select
    judged.ticket_id,
    person_records.person_id,
    judged.source_name,
    judged.subject,
    judged.status,
    judged.priority,
    judged.ticket_type,
    judged.channel,
    cast(coalesce(followed.reopen_count, 0) as {{ dbt.type_bigint() }}) as reopen_count,
    judged.is_open,
    judged.created_at,
    judged.updated_at,
    followed.first_response_at,
    -- A ticket that came back is not solved, whatever its history says.
    case when not judged.is_open then followed.solved_at end as solved_at
from judged
left join followed on judged.ticket_id = followed.ticket_id
left join person_records
    on judged.source_name = person_records.source_name
    and judged.requester_source_id = person_records.source_id
