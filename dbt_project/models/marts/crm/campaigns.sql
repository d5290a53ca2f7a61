with

campaigns as (

    {{ union_sources('campaigns', {
        'campaign_id': 'string',
        'campaign_name': 'string',
        'campaign_type': 'string',
        'status': 'string',
        'budget_amount': 'money',
        'started_at': 'timestamp',
        'ended_at': 'timestamp',
    }) }}

)

select
    campaign_id,
    source_name,
    campaign_name,
    campaign_type,
    status,
    {{ money('budget_amount') }} as budget_amount,
    started_at,
    ended_at
from campaigns
