with

activities as (

    {{ union_sources('activities', {
        'activity_id': 'string',
        'contact_id': 'string',
        'deal_id': 'string',
        'owner_id': 'string',
        'activity_type': 'string',
        'subject': 'string',
        'occurred_at': 'timestamp',
    }) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

)

select
    activities.activity_id,
    members.person_id,
    activities.deal_id,
    activities.owner_id,
    activities.source_name,
    activities.activity_type,
    activities.subject,
    activities.occurred_at
from activities
left join members on activities.contact_id = members.contact_id
