with

leads as (

    {{ union_sources('leads', {
        'lead_id': 'string',
        'owner_id': 'string',
        'email': 'string',
        'company_name': 'string',
        'status': 'string',
        'lead_source': 'string',
        'is_converted': 'boolean',
        'converted_contact_id': 'string',
        'converted_account_id': 'string',
        'converted_deal_id': 'string',
        'created_at': 'timestamp',
        'converted_at': 'timestamp',
    }) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

),

accounts as (

    select * from {{ ref('int_accounts_matched') }}

),

people as (

    select * from {{ ref('people') }}

),

contacts as (

    select * from {{ ref('contacts') }}

),

deals as (

    select * from {{ ref('deals') }}

),

recorded as (

    select
        leads.lead_id,
        members.person_id,
        accounts.account_id,
        leads.owner_id,
        leads.converted_deal_id as deal_id,
        leads.source_name,
        coalesce({{ normalise_email('leads.email') }}, leads.email) as email,
        leads.company_name,
        leads.status,
        leads.lead_source,
        leads.is_converted,
        leads.created_at,
        leads.converted_at
    from leads
    left join members on leads.lead_id = members.contact_id
    left join accounts on leads.converted_account_id = accounts.source_account_id

),

first_deals as (

    select
        deal_id,
        person_id,
        created_at,
        row_number() over (
            partition by person_id order by created_at, {{ byte_order('deal_id') }}
        ) as position
    from deals
    where person_id is not null

),

-- Whom a CRM has as a lead is one lead, not two.
discovered as (

    select
        'person-' || discovered.person_id as lead_id,
        discovered.person_id,
        contacts.account_id,
        contacts.owner_id,
        first_deals.deal_id,
        discovered.source_name,
        people.email,
        people.company_name,
        case when discovered.converted_at is null then 'New' else 'Converted' end as status,
        'Web' as lead_source,
        discovered.converted_at is not null as is_converted,
        discovered.created_at,
        discovered.converted_at
    from {{ ref('int_leads_discovered') }} as discovered
    inner join people on discovered.person_id = people.person_id
    left join contacts on discovered.person_id = contacts.person_id
    left join first_deals
        on discovered.person_id = first_deals.person_id
        and first_deals.position = 1
        and discovered.created_at <= first_deals.created_at
    left join recorded on discovered.person_id = recorded.person_id
    where recorded.person_id is null

)

select * from recorded

union all

select * from discovered
