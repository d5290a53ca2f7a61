with

deal_contacts as (

    {{ union_sources('deal_contacts', {
        'deal_id': 'string',
        'contact_id': 'string',
        'role': 'string',
        'is_primary': 'boolean',
    }) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

),

deals as (

    select * from {{ ref('deals') }}

)

-- Two records of one person at a deal are one contact of it, in the more telling of their roles.
select
    deal_contacts.deal_id,
    members.person_id,
    deals.source_name,
    {{ byte_min('deal_contacts.role') }} as role,
    max(case when deal_contacts.is_primary then 1 else 0 end) = 1 as is_primary
from deal_contacts
inner join members on deal_contacts.contact_id = members.contact_id
inner join deals on deal_contacts.deal_id = deals.deal_id
group by 1, 2, 3
