-- Deals of the sales team, and what was done about them.
create or replace view crm.opportunity as
select
    opportunity_id as id,
    account_id,
    owner_id,
    case when part(h, 4) < 0.4 then salesforce_id('701', 1 + n) end as campaign_id,
    company_name || ' ' || pick(['office fit-out', 'lobby', 'canteen', 'showroom'], part(h, 5)) as name,
    case when n = 0 then 'New Business' else 'Existing Business' end as type,
    'Web' as lead_source,
    stage_name,
    amount,
    probability,
    forecast_category_name,
    day_of(opened_at + 86400 * 75) as close_date,
    iso(opened_at) as created_date,
    stage_no >= 4 as is_closed,
    stage_no = 4 as is_won,
    currency as currency_iso_code,
    false as is_deleted,
    iso(getvariable('extract_end') - 3000) as _fivetran_synced
from opportunities
inner join sales_stages using (stage_no);

create or replace view crm.opportunity_history as
select
    salesforce_id('008', number * 10 + reached_stage_no) as id,
    opportunity_id,
    reached_stage as stage_name,
    amount,
    reached_probability as probability,
    day_of(opened_at + 86400 * 75) as close_date,
    iso(reached_at) as created_date,
    iso(reached_at + 600) as _fivetran_synced
from stage_changes;

create or replace view crm.opportunity_contact_role as
select
    salesforce_id('00K', number) as id,
    opportunity_id,
    contact_id,
    'Decision Maker' as role,
    true as is_primary,
    iso(opened_at + 600) as _fivetran_synced
from opportunities

union all

-- A colleague has a say in it.
select
    salesforce_id('00K', 500000000 + number),
    opportunity_id,
    colleague_id,
    'Influencer',
    false,
    iso(opened_at + 600)
from opportunities
inner join (
    select
        company_no,
        min(contact_id) as colleague_id
    from crm_people
    where is_contact
    group by company_no
) as colleagues using (company_no)
where colleague_id <> contact_id;

create or replace view crm.task as
select
    salesforce_id('00T', number * 10 + step) as id,
    contact_id as who_id,
    opportunity_id as what_id,
    owner_id,
    pick(['Call about the offer', 'Send price list', 'Follow up', 'Prepare samples'],
        uniform('task:' || number || ':' || step)) as subject,
    case when step = 0 then 'Call' else 'Email' end as type,
    case when step = 0 then 'Call' else 'Email' end as task_subtype,
    case when step = 0 or stage_no >= 4 then 'Completed' else 'Not Started' end as status,
    case when part(h, 5) < 0.3 then 'High' else 'Normal' end as priority,
    day_of(opened_at + 86400 * (3 + 12 * step)) as activity_date,
    step = 0 or stage_no >= 4 as is_closed,
    case when step = 0 or stage_no >= 4 then iso(opened_at + 86400 * 3) end as completed_date_time,
    iso(opened_at + 3600) as created_date,
    false as is_deleted,
    iso(opened_at + 86400 * 3 + 600) as _fivetran_synced
from opportunities, unnest(range(2)) as steps (step);

create or replace view crm.event as
select
    salesforce_id('00U', number) as id,
    contact_id as who_id,
    opportunity_id as what_id,
    owner_id,
    'Showroom visit' as subject,
    'Meeting' as type,
    iso(opened_at + 86400 * 2) as start_date_time,
    iso(opened_at + 86400 * 2 + 3600) as end_date_time,
    iso(opened_at + 7200) as created_date,
    false as is_deleted,
    iso(opened_at + 7800) as _fivetran_synced
from opportunities
where stage_no >= 2;

create or replace view crm.campaign_member as
select
    salesforce_id('00v', no * 10 + campaign_no) as id,
    salesforce_id('701', campaign_no) as campaign_id,
    case when not is_contact then lead_id end as lead_id,
    case when is_contact then contact_id end as contact_id,
    case when part(crm_hash, 4) < 0.35 then 'Responded' else 'Sent' end as status,
    part(crm_hash, 4) < 0.35 as has_responded,
    case when part(crm_hash, 4) < 0.35
        then day_of(getvariable('extract_end') - 86400 * (30 - 10 * campaign_no)) end
        as first_responded_date,
    iso(getvariable('extract_end') - 86400 * (45 - 10 * campaign_no)) as created_date,
    false as is_deleted,
    iso(getvariable('extract_end') - 86400 * (28 - 10 * campaign_no)) as _fivetran_synced
from crm_people, unnest(range(1, 3)) as campaigns (campaign_no)
where uniform('campaign-member:' || no || ':' || campaign_no) < 0.4;
