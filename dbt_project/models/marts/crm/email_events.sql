with

email_events as (

    {{ union_sources('email_events', {
        'email_event_id': 'string',
        'campaign_id': 'string',
        'member_source_id': 'string',
        'event_type': 'string',
        'bounce_type': 'string',
        'url': 'string',
        'occurred_at': 'timestamp',
    }) }}

),

person_records as (

    select * from {{ ref('person_records') }}

)

select
    email_events.email_event_id,
    person_records.person_id,
    email_events.campaign_id,
    email_events.source_name,
    email_events.event_type,
    email_events.bounce_type,
    email_events.url,
    email_events.occurred_at
from email_events
left join person_records
    on email_events.source_name = person_records.source_name
    and email_events.member_source_id = person_records.source_id
