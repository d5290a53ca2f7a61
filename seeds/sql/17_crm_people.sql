-- The sales team's CRM, as its connector loads it.
create or replace table contact_entries as
with entries as (
    select
        crm_people.*,
        contact_id as entry_id,
        null as master_record_id,
        false as is_duplicate,
        known_since as entered_at
    from crm_people
    where is_contact

    union all

    select
        crm_people.*,
        salesforce_id('003', 500000000 + crm_people.no),
        case when is_merged then contact_id end,
        true,
        known_since + 86400 * 9
    from crm_people
    inner join crm_duplicates using (no)
    where system = 'crm'
)

select
    entries.*,
    spellings.email,
    spellings.phone
from (select * exclude (email) from entries) as entries
inner join spellings
    on spellings.source_name = 'crm' and spellings.source_table = 'contact'
    and spellings.record_id = entries.entry_id;

create or replace view crm.account as
select
    salesforce_id('001', company_no) as id,
    company_name as name,
    'https://www.' || domain as website,
    industry,
    employee_count * 90000 as annual_revenue,
    employee_count as number_of_employees,
    salesforce_id('005', 1 + company_no % 4) as owner_id,
    city as billing_city,
    country_name as billing_country,
    iso(getvariable('extract_end') - 86400 * 210) as created_date,
    null as master_record_id,
    false as is_deleted,
    iso(getvariable('extract_end') - 86400 * 90) as _fivetran_synced
from companies

union all

-- Every fifth company was entered twice and merged.
select
    salesforce_id('001', 500000000 + company_no),
    upper(company_name),
    domain,
    industry,
    null,
    null,
    salesforce_id('005', 1 + company_no % 4),
    city,
    country_code,
    iso(getvariable('extract_end') - 86400 * 150),
    salesforce_id('001', company_no),
    true,
    iso(getvariable('extract_end') - 86400 * 90)
from companies
where company_no % 5 = 1;

create or replace view crm.contact as
select
    entry_id as id,
    account_id,
    owner_id,
    email,
    phone,
    null as mobile_phone,
    case when is_duplicate then first_name[1:1] || '.' else first_name end as first_name,
    last_name,
    job_title as title,
    pick(['Web', 'Referral', 'Trade Show', 'Outbound'], part(crm_hash, 1)) as lead_source,
    city as mailing_city,
    case when part(crm_hash, 2) < 0.6 then country_name else country_code end as mailing_country,
    part(crm_hash, 3) < 0.05 as has_opted_out_of_email,
    null as email_bounced_date,
    iso(entered_at) as created_date,
    iso(entered_at + 86400) as last_modified_date,
    master_record_id,
    master_record_id is not null as is_deleted,
    iso(entered_at + 86400 + 600) as _fivetran_synced
from contact_entries;

create or replace view crm.lead as
select
    lead_id as id,
    spellings.email,
    spellings.phone,
    first_name,
    last_name,
    company_name as company,
    job_title as title,
    pick(['Web', 'Trade Show', 'Partner'], part(crm_hash, 1)) as lead_source,
    case when is_contact then 'Converted' else pick(['New', 'Working', 'Nurturing'], part(crm_hash, 2))
    end as status,
    owner_id,
    is_contact as is_converted,
    case when is_contact then day_of(known_since) end as converted_date,
    case when is_contact then account_id end as converted_account_id,
    case when is_contact then contact_id end as converted_contact_id,
    case when is_contact then (
        select min(opportunity_id) from opportunities where opportunities.no = crm_people.no
    ) end as converted_opportunity_id,
    false as has_opted_out_of_email,
    country_name as country,
    iso(known_since - 86400 * 10) as created_date,
    iso(known_since) as last_modified_date,
    false as is_deleted,
    iso(known_since + 600) as _fivetran_synced
from crm_people
inner join spellings
    on spellings.source_name = 'crm' and spellings.source_table = 'lead'
    and spellings.record_id = crm_people.lead_id
where is_lead;
