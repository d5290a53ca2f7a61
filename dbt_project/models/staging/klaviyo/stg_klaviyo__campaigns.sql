{{ config(enabled='klaviyo' in var('sources')) }}

{% for campaigns in ['flows', 'broadcasts'] -%}
select
    source_name,
    source_id,
    loaded_at,
    is_deleted,
    row_status,
    campaign_id,
    campaign_name,
    campaign_type,
    status,
    {{ empty_columns({'budget_amount': 'money'}) }},
    started_at,
    {{ empty_columns({'ended_at': 'timestamp'}) }}
from {{ ref('stg_klaviyo__' ~ campaigns) }}
where row_status = 'accepted'
{{ 'union all' if not loop.last }}
{% endfor %}
