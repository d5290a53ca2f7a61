-- What changed on a ticket: its status, and what the customer made of the help.
create or replace view desk.ticket_field_history as
select
    ticket_id,
    field_name,
    iso(updated) as updated,
    value,
    user_id,
    iso(updated + 900) as _fivetran_synced
from (
    select
        ticket_id,
        'status' as field_name,
        opened_at as updated,
        'new' as value,
        requester_id as user_id
    from ticket_times

    union all

    select
        ticket_id,
        'status',
        answered_at,
        case when is_resolved then 'open' else status end,
        agent_id
    from ticket_times
    where status <> 'new'

    union all

    select
        ticket_id,
        'status',
        solved_at,
        'solved',
        agent_id
    from ticket_times
    where is_resolved

    union all

    select
        ticket_id,
        'status',
        solved_at + 3600,
        'closed',
        agent_id
    from ticket_times
    where status = 'closed'

    union all

    -- Who was helped is asked whether it was good; some answer, hours later.
    select
        ticket_id,
        'satisfaction_score',
        solved_at + 1800,
        'offered',
        agent_id
    from ticket_times
    where is_resolved and solved_at + 1800 < getvariable('extract_end')

    union all

    select
        ticket_id,
        'satisfaction_score',
        rated_at,
        case when part(h_rating, 1) < 0.8 then 'good' else 'bad' end,
        requester_id
    from (
        select
            *,
            hash_of('rating:' || ticket_id) as h_rating,
            solved_at + 3600 + (30000 * part(hash_of('rating:' || ticket_id), 2))::bigint as rated_at
        from ticket_times
        where is_resolved
    ) as helped
    where part(h_rating, 0) < 0.6 and rated_at < getvariable('extract_end')
) as changes;
