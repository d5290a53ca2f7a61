{{ config(enabled='klaviyo' in var('sources')) }}

{# Klaviyo's metrics about an e-mail; the others are about something else. #}
{% set metrics = {
    'Received Email': 'sent',
    'Opened Email': 'opened',
    'Clicked Email': 'clicked',
    'Bounced Email': 'bounced',
    'Unsubscribed': 'unsubscribed',
} -%}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    'klaviyo-' || source_id as email_event_id,
    campaign_id,
    member_source_id,
    case metric
        {%- for metric, event in metrics.items() %}
        when '{{ metric }}' then '{{ event }}'
        {%- endfor %}
    end as event_type,
    bounce_type,
    url,
    occurred_at
from {{ ref('stg_klaviyo__metric_events') }}
where row_status = 'accepted' and metric in ('{{ metrics | join("', '") }}')
