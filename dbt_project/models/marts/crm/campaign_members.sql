with

campaign_members as (

    {{ union_sources('campaign_members', {
        'campaign_member_id': 'string',
        'campaign_id': 'string',
        'contact_id': 'string',
        'member_status': 'string',
        'has_responded': 'boolean',
        'created_at': 'timestamp',
        'responded_at': 'timestamp',
    }) }}

),

members as (

    select * from {{ ref('int_members_resolved') }}

)

select
    campaign_members.campaign_member_id,
    campaign_members.campaign_id,
    members.person_id,
    campaign_members.source_name,
    campaign_members.member_status,
    campaign_members.has_responded,
    campaign_members.created_at,
    campaign_members.responded_at
from campaign_members
left join members on campaign_members.contact_id = members.contact_id
