{{ config(enabled='email' in var('sources')) }}

with

recipients as (

    select * from {{ ref('stg_email__campaign_recipients') }}

),

activities as (

    select * from {{ ref('stg_email__campaign_recipient_activities') }}

),

unsubscribes as (

    select * from {{ ref('stg_email__unsubscribes') }}

)

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    'email-' || source_id as email_event_id,
    campaign_id,
    member_source_id,
    'sent' as event_type,
    cast(null as {{ dbt.type_string() }}) as bounce_type,
    cast(null as {{ dbt.type_string() }}) as url,
    sent_at as occurred_at
from recipients

union all

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    'email-' || source_id as email_event_id,
    campaign_id,
    member_source_id,
    case action
        when 'open' then 'opened'
        when 'click' then 'clicked'
        when 'bounce' then 'bounced'
    end as event_type,
    bounce_type,
    url,
    occurred_at
from activities

union all

select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    'email-' || source_id as email_event_id,
    campaign_id,
    member_source_id,
    'unsubscribed' as event_type,
    cast(null as {{ dbt.type_string() }}) as bounce_type,
    cast(null as {{ dbt.type_string() }}) as url,
    occurred_at
from unsubscribes
