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

-- Everybody's mentions: (record, person, address that was meant, whether something else on the
-- record tells who it is).
create or replace table mentions as
select
    source_name,
    'identifies' as source_table,
    message_id as record_id,
    no,
    case
        when not has_email then null
        when calls.user_id is null then coalesce(work_email, shop_email)
        else shop_email
    end as email,
    case when has_email then phone_national end as phone_national,
    calls.user_id is not null as has_other_link,
    true as has_country
from identify_calls as calls
inner join people using (no)

union all

select
    'shop',
    'customer',
    customer_id::varchar,
    no,
    shop_email,
    case when company_no is not null or uniform('customer-phone:' || no) < 0.7
        then phone_national end,
    phone_national is not null,
    true
from customers

union all

select
    'shop',
    'order',
    order_id::varchar,
    no,
    people.shop_email,
    case when chance < 0.5 then people.phone_national end,
    orders.has_account,
    true
from orders
inner join people using (no)

union all

select
    'pos',
    'receipts',
    receipt_id,
    no,
    case when known_by = 'email' then people.shop_email end,
    case when known_by = 'phone' then people.phone_national end,
    false,
    false
from store_receipts as receipts
inner join people using (no)

union all

select
    'pos',
    'loyalty_members',
    'L' || lpad(no::varchar, 7, '0'),
    no,
    shop_email,
    phone_national,
    phone_national is not null,
    false
from people
where has_loyalty_card

union all

select
    'crm',
    'contact',
    salesforce_id('003', no),
    no,
    work_email,
    phone_national,
    false,
    true
from crm_people
where is_contact

union all

-- The second entry of somebody who is already there; merged ones point to their survivor.
select
    'crm',
    'contact',
    salesforce_id('003', 500000000 + no),
    no,
    work_email,
    phone_national,
    is_merged,
    true
from crm_duplicates
inner join people using (no)
where system = 'crm'

union all

select
    'crm',
    'lead',
    lead_id,
    no,
    work_email,
    phone_national,
    is_contact,
    true
from crm_people
where is_lead

union all

select
    'hubspot',
    'contact',
    vid::varchar,
    no,
    hubspot_email,
    phone_national,
    phone_national is not null,
    false
from hubspot_people

union all

select
    'hubspot',
    'contact',
    (vid + 1)::varchar,
    no,
    hubspot_email,
    phone_national,
    is_merged,
    false
from hubspot_people
inner join crm_duplicates using (no)
where system = 'hubspot'

union all

select
    'desk',
    'user',
    desk_user_id::varchar,
    no,
    coalesce(work_email, shop_email),
    case when company_no is not null or uniform('desk-phone:' || no) < 0.4 then phone_national end,
    external_id is not null,
    false
from desk_users

union all

select
    'email',
    'member',
    list_id || '/' || no,
    no,
    shop_email,
    null,
    false,
    false
from newsletter_members;

-- What was typed in the end. Fixed shares of all mentions: 2.5 % of addresses mistyped, 1.2 % of
-- addresses and phones junk; a twelfth differs in case or has blanks around it.
create or replace table spellings as
with drawn as (
    select
        mentions.*,
        calling_code,
        trunk_prefix,
        company_no,
        hash_of('spelling:' || source_name || source_table || record_id) as h,
        -- Most errors fall on records that something else identifies: the others cannot be found.
        part(h, 0) * case when has_other_link then 0.2 else 1 end as luck
    from mentions
    inner join people using (no)
),

ranked_emails as (
    select
        *,
        (row_number() over (partition by email is null order by luck, h) - 0.5)
        / count(*) over (partition by email is null) as email_share
    from drawn
),

with_emails as (
    select
        *,
        case
            when email is null then null
            when email_share < 0.025 then 'mistyped'
            when email_share < 0.037 and source_name <> 'email' then 'junk'
            else 'right'
        end as email_kind
    from ranked_emails
),

ranked_phones as (
    select
        *,
        -- Where the phone is all that ties a work address to a private one, it stays right.
        (row_number() over (
            partition by phone_national is null
            order by case when email_kind = 'right' and company_no is null then part(h, 1) else 1 end, h
        ) - 0.5) / count(*) over (partition by phone_national is null) as phone_share
    from with_emails
)

select
    source_name,
    source_table,
    record_id,
    no,
    email_kind,
    case
        when email_kind = 'mistyped' then mistype(email, part(h, 2))
        when email_kind = 'junk' then pick(getvariable('junk_emails'), part(h, 2))
        when part(h, 3) < 0.04 then upper(email)
        when part(h, 3) < 0.07 then upper(email[1:1]) || email[2:]
        when part(h, 3) < 0.085 then ' ' || email || ' '
        else email
    end as email,
    case
        when phone_national is null then null
        when phone_share < 0.012 then 'junk'
        else 'right'
    end as phone_kind,
    case
        when phone_share < 0.012 and phone_national is not null
            then pick(getvariable('junk_phones'), part(h, 4))
        else spell_phone(calling_code, trunk_prefix, phone_national, part(h, 4), has_country)
    end as phone
from ranked_phones;
