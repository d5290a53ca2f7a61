-- The marketing team's CRM: mostly the same people, entered a second time.
create or replace view hubspot.contact as
with entries as (
    select
        hubspot_people.*,
        vid as entry_id,
        case when is_merged then (vid + 1) || ':' || (getvariable('extract_end') - 86400 * 30) || '000'
        end as merged_vids,
        false as is_gone,
        0 as delay
    from hubspot_people
    left join crm_duplicates
        on hubspot_people.no = crm_duplicates.no and crm_duplicates.system = 'hubspot'

    union all

    select
        hubspot_people.*,
        vid + 1,
        null,
        is_merged,
        86400 * 12
    from hubspot_people
    inner join crm_duplicates using (no)
    where system = 'hubspot'
)

select
    entry_id as id,
    spellings.email as property_email,
    first_name as property_firstname,
    last_name as property_lastname,
    spellings.phone as property_phone,
    company_name as property_company,
    job_title as property_jobtitle,
    iso(getvariable('extract_end') - 86400 * 140 + delay) as property_createdate,
    case
        when company_no is null then 'customer'
        else pick(['lead', 'salesqualifiedlead', 'opportunity', 'customer'], part(hubspot_hash, 0))
    end as property_lifecyclestage,
    part(hubspot_hash, 1) < 0.04 as property_hs_email_optout,
    case when company_no is not null then 71 + entries.no % 3 end as property_hubspot_owner_id,
    case when entries.no % 2 = 0 then merged_vids end as property_hs_calculated_merged_vids,
    case when merged_vids is not null then (entry_id + 1)::varchar end as property_hs_merged_object_ids,
    iso(getvariable('extract_end') - 86400 * 60 + (86400 * 50 * part(hubspot_hash, 2))::bigint)
        as property_lastmodifieddate,
    is_gone as _fivetran_deleted,
    iso(getvariable('extract_end') - 86400 * 60 + (86400 * 50 * part(hubspot_hash, 2))::bigint + 600)
        as _fivetran_synced
from entries
inner join spellings
    on spellings.source_name = 'hubspot' and spellings.record_id = entries.entry_id::varchar;

create or replace view hubspot.company as
select
    8000 + company_no as id,
    company_name as property_name,
    domain as property_domain,
    upper(industry) as property_industry,
    employee_count * 90000 as property_annualrevenue,
    employee_count as property_numberofemployees,
    city as property_city,
    country_name as property_country,
    iso(getvariable('extract_end') - 86400 * 160) as property_createdate,
    false as is_deleted,
    iso(getvariable('extract_end') - 86400 * 100) as _fivetran_synced
from companies;

-- Small deals that never reach the sales team.
create or replace table hubspot_deals as
select
    *,
    50000 + no as deal_id,
    getvariable('extract_end') - (86400 * (3 + 60 * part(hubspot_hash, 3)))::bigint as opened_at,
    below(4, part(hubspot_hash, 4)) as stage_no
from hubspot_people
where company_no is not null and part(hubspot_hash, 5) < 0.3;

create or replace view hubspot.deal as
select
    deal_id,
    'samples' as deal_pipeline_id,
    pick(['requested', 'sent', 'won', 'lost'], stage_no / 4.0) as deal_pipeline_stage_id,
    71 + no % 3 as owner_id,
    'Samples for ' || company_name as property_dealname,
    150 + 50 * (no % 7) as property_amount,
    iso(opened_at + 86400 * 30) as property_closedate,
    iso(opened_at) as property_createdate,
    false as is_deleted,
    iso(getvariable('extract_end') - 3000) as _fivetran_synced
from hubspot_deals;

create or replace view hubspot.deal_stage as
select
    deal_id,
    pick(['requested', 'sent', 'won', 'lost'], step / 4.0) as value,
    iso(opened_at + (getvariable('extract_end') - 7200 - opened_at) * step // 4) as date_entered,
    'CRM_UI' as source,
    iso(getvariable('extract_end') - 3000) as _fivetran_synced
from hubspot_deals, unnest(range(4)) as steps (step)
where step <= least(stage_no, 1) or step = stage_no;

create or replace view hubspot.deal_contact as
select
    deal_id,
    vid as contact_id,
    3 as type_id,
    iso(opened_at + 600) as _fivetran_synced
from hubspot_deals;
