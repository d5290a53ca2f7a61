-- The service desk. Its agents are staff and belong to no customer.
create or replace view desk."user" as
select
    desk_user_id as id,
    spellings.email,
    first_name || ' ' || last_name as name,
    spellings.phone,
    'end-user' as role,
    external_id,
    case when company_no is not null then 3000 + company_no end as organization_id,
    iso(first_asked_at) as created_at,
    iso(first_asked_at) as updated_at,
    iso(first_asked_at + 900) as _fivetran_synced
from desk_users
inner join spellings
    on spellings.source_name = 'desk' and spellings.record_id = desk_users.desk_user_id::varchar

union all

select
    500000 + agent,
    'agent' || agent || '@support.example.com',
    'Agent ' || agent,
    null,
    'agent',
    null,
    null,
    iso(getvariable('extract_end') - 86400 * 400),
    iso(getvariable('extract_end') - 86400 * 400),
    iso(getvariable('extract_end') - 86400 * 120)
from unnest(range(1, 4)) as agents (agent)
where getvariable('first_no') = 0;

create or replace view desk.organization as
select
    3000 + company_no as id,
    company_name as name,
    iso(getvariable('extract_end') - 86400 * 160) as created_at,
    iso(getvariable('extract_end') - 86400 * 120) as _fivetran_synced
from companies;

create or replace table ticket_times as
select
    tickets.*,
    600000 + no as requester_id,
    500001 + no % 3 as agent_id,
    opened_at + 1800 + (36000 * chance)::bigint as answered_at,
    opened_at + 46000 + (36000 * chance)::bigint as solved_at,
    status in ('solved', 'closed') as is_resolved
from tickets;

create or replace view desk.ticket as
select
    ticket_id as id,
    requester_id,
    case when status <> 'new' then agent_id end as assignee_id,
    case when company_no is not null then 3000 + company_no end as organization_id,
    pick(['Where is my parcel?', 'Invoice is wrong', 'Lamp arrived broken', 'Question about an offer'],
        chance) as subject,
    status,
    pick(['low', 'normal', 'high', 'urgent'], part(tickets.h, 4)) as priority,
    case when chance < 0.6 then 'question' else 'incident' end as type,
    pick(['email', 'web', 'chat'], part(tickets.h, 5)) as via_channel,
    iso(opened_at) as created_at,
    iso(case when is_resolved then solved_at when status = 'new' then opened_at else answered_at end)
        as updated_at,
    false as _fivetran_deleted,
    iso(case when is_resolved then solved_at when status = 'new' then opened_at else answered_at end
        + 900) as _fivetran_synced
from ticket_times as tickets
inner join people using (no);

create or replace view desk.ticket_comment as
select
    ticket_id * 10 + position as id,
    ticket_id,
    case when position = 0 then requester_id else agent_id end as user_id,
    position <> 1 as public,
    iso(created) as created,
    iso(created + 900) as _fivetran_synced
from (
    select
        *,
        case position when 0 then opened_at when 1 then answered_at - 900 else answered_at end
            as created
    from ticket_times, unnest(range(case when status = 'new' then 1 else 3 end)) as notes (position)
) as comments;
