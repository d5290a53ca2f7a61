-- Records that say who somebody is, before anybody has typed an e-mail or a phone into them.
create or replace table identify_calls as
select
    no,
    k,
    message_prefix || '-i' as message_id,
    case device when 'app' then 'app' else 'web' end as source_name,
    case
        when not leaves_email then login_step
        when kind in ('order', 'checkout') then 26
        else 2
    end as step,
    user_id,
    leaves_email or login_step = 2 as has_email
from visits
where login_step = 2 or leaves_email

union all

-- Scripts that identify visitors nobody knows, with a word in place of an id.
select
    no,
    k,
    message_prefix || '-j',
    case device when 'app' then 'app' else 'web' end,
    0,
    pick(getvariable('junk_user_ids'), uniform('junk-id:' || no || ':' || k)),
    false
from visits
where is_anonymous
    and not leaves_email
    and device <> 'tablet'
    and uniform('junk-user:' || no || ':' || k) < 0.06;

create or replace table customers as
with bought as (
    select
        no,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at
    from orders
    where has_account
    group by no
),

logged_in as (
    select
        no,
        min(started_at) as first_login_at
    from visits
    where login_step < 99
    group by no
)

select
    people.*,
    7000000000000 + no as customer_id,
    least(first_login_at, coalesce(first_ordered_at, first_login_at)) as registered_at,
    coalesce(last_ordered_at, first_login_at) as updated_at
from people
inner join logged_in using (no)
left join bought using (no)
where has_account and (first_ordered_at is not null or uniform('registers:' || no) < 0.6);

create or replace table desk_users as
select
    people.*,
    600000 + no as desk_user_id,
    min_opened_at - 60 as first_asked_at,
    case when has_account and uniform('external-id:' || no) < 0.6 then user_id end as external_id
from people
inner join (
    select
        no,
        min(opened_at) as min_opened_at
    from tickets
    group by no
) as asked using (no);

create or replace table newsletter_members as
select
    people.*,
    lists.list_id,
    getvariable('extract_end') - (86400 * (6 + 150 * part(h, 0)))::bigint as signed_up_at,
    case
        when part(h, 1) < 0.06 then 'unsubscribed'
        when part(h, 1) < 0.09 then 'cleaned'
        else 'subscribed'
    end as status,
    part(h, 2) as eagerness
from (
    select
        *,
        hash_of('member:' || no) as h
    from people
    where is_subscribed
) as people
inner join (values ('weekly'), ('products')) as lists (list_id)
    on lists.list_id = 'weekly' or part(people.h, 3) < 0.35;
