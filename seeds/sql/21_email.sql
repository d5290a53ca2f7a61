-- Newsletters: who got which letter, who read it, who had enough.
create or replace table members as
select
    newsletter_members.* exclude (email),
    spellings.email,
    md5(lower(trim(spellings.email))) as member_id,
    -- The letter after which somebody left, or the first one, which came back.
    signed_up_at + case when status = 'cleaned' then 0
        else ((getvariable('extract_end') - 86400 - signed_up_at) * part(h, 4))::bigint end as leaves_after
from newsletter_members
inner join spellings
    on spellings.source_name = 'email'
    and spellings.record_id = newsletter_members.list_id || '/' || newsletter_members.no;

create or replace table letters as
select
    list_id || '-' || lpad(number::varchar, 2, '0') as campaign_id,
    list_id,
    number,
    getvariable('extract_end') - 86400 * 2 - 3600 * 14 - every * number as sent_at
from (values ('weekly', 17, 86400 * 7), ('products', 4, 86400 * 28)) as lists (list_id, amount, every),
    unnest(range(amount)) as letters (number);

create or replace table deliveries as
with sent as (
    select
        letters.*,
        members.member_id,
        members.no,
        members.status,
        members.eagerness,
        row_number() over (partition by members.list_id, members.no order by letters.sent_at) as nth,
        hash_of('letter:' || campaign_id || ':' || members.no) as h
    from members
    inner join letters
        on members.list_id = letters.list_id
        and letters.sent_at > members.signed_up_at
        and (members.status = 'subscribed' or letters.sent_at <= members.leaves_after + 86400 * 7)
)

select
    *,
    status = 'cleaned' and nth = 1 as bounces_hard,
    status <> 'cleaned' and part(h, 0) < 0.01 as bounces_softly,
    status <> 'cleaned' and part(h, 0) >= 0.01 and part(h, 1) < 0.40 * eagerness as opens,
    opens and part(h, 2) < 0.30 as clicks,
    status = 'unsubscribed'
    and row_number() over (partition by list_id, no order by sent_at desc) = 1 as unsubscribes
from sent
where status <> 'cleaned' or nth = 1;

create or replace view email.member as
select
    member_id as id,
    list_id,
    email as email_address,
    status,
    iso(signed_up_at) as timestamp_signup,
    iso(signed_up_at + 600) as timestamp_opt,
    iso(coalesce(left_at, signed_up_at + 600)) as last_changed,
    first_name as merge_fname,
    last_name as merge_lname,
    country_code,
    iso(coalesce(left_at, signed_up_at + 600) + 900) as _fivetran_synced
from members
left join (
    select
        no,
        list_id,
        max(sent_at) + 5400 as left_at
    from deliveries
    where unsubscribes or bounces_hard
    group by no, list_id
) as leavers using (no, list_id);

create or replace view email.campaign_recipient as
select
    campaign_id,
    list_id,
    member_id,
    iso(sent_at + 900) as _fivetran_synced
from deliveries;

create or replace view email.campaign_recipient_activity as
with activity as (
    select
        *,
        'open' as action,
        sent_at + 600 + (70000 * part(h, 3))::bigint as happened_at,
        null as url,
        null as bounce_type
    from deliveries
    where opens

    union all

    select
        *,
        'click',
        sent_at + 660 + (70000 * part(h, 3))::bigint,
        'https://shop.example.com/collections',
        null
    from deliveries
    where clicks

    union all

    select
        *,
        'bounce',
        sent_at + 60,
        null,
        case when bounces_hard then 'hard' else 'soft' end
    from deliveries
    where bounces_hard or bounces_softly
)

select
    campaign_id,
    member_id,
    list_id,
    action,
    iso(happened_at) as timestamp,
    url,
    bounce_type,
    iso(happened_at + 900) as _fivetran_synced
from activity;

create or replace view email.unsubscribe as
select
    campaign_id,
    list_id,
    member_id,
    case when part(h, 5) < 0.5 then 'NORMAL' else 'Too many letters' end as reason,
    iso(sent_at + 5400) as timestamp,
    iso(sent_at + 6300) as _fivetran_synced
from deliveries
where unsubscribes;
