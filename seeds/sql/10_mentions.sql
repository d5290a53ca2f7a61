-- All mentions: those of customers, and those of people whom somebody else wrote down.
create or replace table mentions as
select *
from customer_mentions

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
