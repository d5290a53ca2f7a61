{# Whom a CRM's contact or lead record is about: deals, tasks and campaigns name either. #}
with

contacts as (

    {{ union_sources('contacts', {'contact_id': 'string'}) }}

),

leads as (

    {{ union_sources('leads', {'lead_id': 'string'}) }}

),

person_records as (

    select * from {{ ref('person_records') }}

),

members as (

    select
        source_name,
        source_id,
        contact_id
    from contacts

    union all

    select
        source_name,
        source_id,
        lead_id as contact_id
    from leads

)

select
    members.contact_id,
    person_records.person_id
from members
inner join person_records
    on members.source_name = person_records.source_name
    and members.source_id = person_records.source_id
