{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
with

campaigns as (

    select * from {{ ref('campaigns') }}

),

email_events as (

    select * from {{ ref('email_events') }}

),

members as (

    select * from {{ ref('campaign_members') }}

),

conversions as (

    select * from {{ ref('campaign_conversions') }}

),

mailed as (

    select
        campaign_id,
        {%- for event in ['sent', 'opened', 'clicked', 'bounced', 'unsubscribed'] %}
        sum(case when event_type = '{{ event }}' then 1 else 0 end) as {{ event }}_count,
        {%- endfor %}
        count(distinct case when event_type = 'opened' then person_id end) as opener_count,
        count(distinct case when event_type = 'clicked' then person_id end) as clicker_count
    from email_events
    group by 1

),

joined as (

    select
        campaign_id,
        count(*) as member_count,
        sum(case when has_responded then 1 else 0 end) as responded_count
    from members
    group by 1

),

converted as (

    select
        campaign_id,
        count(distinct person_id) as converted_count,
        sum(net_revenue) as revenue
    from conversions
    group by 1

)

select
    campaigns.campaign_id,
    campaigns.campaign_name,
    campaigns.campaign_type,
    {%- for count in [
        'joined.member_count', 'joined.responded_count', 'mailed.sent_count',
        'mailed.sent_count - mailed.bounced_count as delivered_count', 'mailed.bounced_count',
        'mailed.opened_count', 'mailed.clicked_count', 'mailed.unsubscribed_count',
        'mailed.opener_count', 'mailed.clicker_count', 'converted.converted_count',
    ] %}
    {%- set parts = count.split(' as ') %}
    cast(coalesce({{ parts[0] }}, 0) as {{ dbt.type_bigint() }})
        as {{ parts[1] if parts | length > 1 else parts[0].split('.')[1] }},
    {%- endfor %}
    {{ money('coalesce(converted.revenue, 0)') }} as revenue,
    campaigns.budget_amount
from campaigns
left join mailed on campaigns.campaign_id = mailed.campaign_id
left join joined on campaigns.campaign_id = joined.campaign_id
left join converted on campaigns.campaign_id = converted.campaign_id
