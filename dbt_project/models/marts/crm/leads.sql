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

)

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
