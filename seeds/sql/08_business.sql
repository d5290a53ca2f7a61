-- The business side: contacts and leads of companies, what is sold to them, who talked to whom.
create or replace table crm_people as
select
    *,
    hash_of('crm:' || no) as crm_hash,
    role_share < 0.80 as is_contact,
    role_share >= 0.62 as is_lead,
    salesforce_id('003', no) as contact_id,
    salesforce_id('00Q', no) as lead_id,
    salesforce_id('001', company_no) as account_id,
    salesforce_id('005', 1 + company_no % 4) as owner_id,
    getvariable('extract_end') - (86400 * (20 + 180 * part(crm_hash, 0)))::bigint as known_since
from people
where company_no is not null;

create or replace table opportunities as
with planned as (
    select
        contacts.*,
        n,
        contacts.no * 10 + n as number,
        hash_of('opportunity:' || contacts.no || ':' || n) as h
    from crm_people as contacts, unnest(range(1 + (role_share < 0.15)::integer)) as deals (n)
    where is_contact and role_share < 0.66
)

select
    no,
    n,
    h,
    number,
    contact_id,
    account_id,
    company_no,
    company_name,
    owner_id,
    currency,
    salesforce_id('006', number) as opportunity_id,
    2000 + 500 * below(80, part(h, 0)) as amount,
    getvariable('extract_end') - (86400 * (4 + 80 * part(h, 1)))::bigint as opened_at,
    -- Position in the sales process; 4 is won, 5 is lost.
    case
        when part(h, 2) < 0.62 then below(4, part(h, 3))
        when part(h, 2) < 0.84 then 4
        else 5
    end as stage_no
from planned;

create or replace table sales_stages as
select *
from (values
    (0, 'Prospecting', 10, 'Pipeline'), (1, 'Qualification', 25, 'Pipeline'),
    (2, 'Proposal', 55, 'Best Case'), (3, 'Negotiation', 80, 'Commit'),
    (4, 'Closed Won', 100, 'Closed'), (5, 'Closed Lost', 0, 'Omitted')
) as t (stage_no, stage_name, probability, forecast_category_name);

-- One row for each stage that a deal went through.
create or replace table stage_changes as
select
    opportunities.*,
    stages.stage_no as reached_stage_no,
    stages.stage_name as reached_stage,
    stages.probability as reached_probability,
    opened_at + (getvariable('extract_end') - 7200 - opened_at)
    * row_number() over (partition by opportunities.number order by stages.stage_no)
    // (count(*) over (partition by opportunities.number) + 1) as reached_at
from opportunities
inner join sales_stages as stages
    on stages.stage_no <= least(opportunities.stage_no, 3)
    or stages.stage_no = opportunities.stage_no;

-- A second CRM of the marketing team holds most of the same people, and some shoppers too.
create or replace table hubspot_people as
select
    *,
    hash_of('hubspot:' || no) as hubspot_hash,
    400000 + no * 10 as vid,
    coalesce(work_email, shop_email) as hubspot_email
from people
where company_no is not null and uniform('in-hubspot:' || no) < 0.7
    or persona = 'shopper' and uniform('in-hubspot:' || no) < 0.15;

-- Duplicates: every twenty-fifth CRM record exists twice. Half of the pairs were merged there.
create or replace table crm_duplicates as
with entries as (
    select
        no,
        'crm' as system
    from crm_people
    where is_contact

    union all

    select
        no,
        'hubspot'
    from hubspot_people
),

ranked as (
    select
        *,
        row_number() over (order by hash_of('duplicate:' || system || ':' || no), system, no)
            as duplicate_rank,
        count(*) over () as entry_count
    from entries
)

select
    no,
    system,
    row_number() over (partition by system order by duplicate_rank) % 2 = 1 as is_merged
from ranked
where duplicate_rank <= greatest(4, ceil(0.045 * entry_count));

-- People who wrote to the service desk. Half of the contacts with an open deal wait for an answer.
create or replace table tickets as
with requests as (
    select
        people.no,
        n,
        hash_of('ticket:' || people.no || ':' || n) as h,
        people.no in (select no from opportunities where stage_no < 4) as has_open_deal,
        people.persona
    from people, unnest(range(2)) as requested (n)
)

select
    no,
    n,
    h,
    900000 + no * 10 + n as ticket_id,
    getvariable('extract_end') - 90000
    - (86400 * 75 * part(h, 0) * (0.3 + 0.7 * part(h, 0)))::bigint as opened_at,
    case
        when has_open_deal and n = 0 or part(h, 1) < 0.3
            then pick(['new', 'open', 'pending', 'hold'], part(h, 2))
        when part(h, 1) < 0.55 then 'solved'
        else 'closed'
    end as status,
    part(h, 3) as chance
from requests
where case
    when has_open_deal then n = 0 and part(h, 4) < 0.55 or part(h, 4) < 0.1
    when persona in ('shopper', 'business') then part(h, 4) < 0.1
    else false
end;
