with

events as (

    select * from {{ ref('int_events_attributed') }}

),

sessionised as (

    select * from {{ ref('int_events_sessionised') }}

)

select
    events.event_id,
    events.person_id,
    events.known_person_id,
    sessionised.session_id,
    events.source_name,
    events.event_name,
    events.anonymous_id,
    events.user_id,
    events.page_path,
    events.page_title,
    events.referrer,
    events.campaign_source,
    events.campaign_medium,
    events.campaign_name,
    events.device_type,
    events.cart_id,
    events.order_id,
    events.product_id,
    events.sku,
    events.product_name,
    events.product_category,
    events.price,
    events.quantity,
    events.currency,
    events.revenue,
    events.occurred_at,
    events.received_at,
    events.loaded_at
from events
inner join sessionised on events.event_id = sessionised.event_id
{{ rows_together('events.person_id') }}
