{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{% set stages = var('customer_stages') -%}
{%- set one_row_each = {
    'people': 'people',
    'households': 'household_members',
    'purchases': 'int_purchases_counted',
    'scores': 'rfm_scores',
    'lifetime_values': 'lifetime_values',
    'contacts': 'contacts',
} -%}
with
{% for name, relation in one_row_each.items() %}
{{ name }} as (

    select * from {{ ref(relation) }}

),
{% endfor %}
visited as (

    select distinct
        person_id,
        count(*) over (partition by person_id) as session_count,
        {{ first_known('channel', 'person_id', 'started_at, ' ~ byte_order('session_id')) }}
            as first_touch_channel,
        {{ first_known(
            'channel', 'person_id', 'started_at desc, ' ~ byte_order('session_id') ~ ' desc'
        ) }} as last_touch_channel,
        max(started_at) over (partition by person_id) as last_session_at
    from {{ ref('sessions') }}

),

asked as (

    select
        person_id,
        count(*) as ticket_count,
        sum(case when is_open then 1 else 0 end) as open_ticket_count,
        max(case when {{ is_severe() }} then 1 else 0 end) as has_severe,
        max(created_at) as last_ticket_at
    from {{ ref('tickets') }}
    group by 1

),

negotiated as (

    select
        person_id,
        sum(case when is_closed then 0 else 1 end) as open_deal_count,
        sum(case when is_won then 1 else 0 end) as won_deal_count
    from {{ ref('deals') }}
    group by 1

),

led as (

    select
        person_id,
        max(score) as lead_score,
        max(case when is_qualified then 1 else 0 end) as is_qualified,
        max(case when status = 'Working' then 1 else 0 end) as is_worked
    from {{ ref('lead_scores') }}
    group by 1

),

subscribed as (

    select distinct person_id
    from {{ ref('current_consents') }}
    where purpose = 'email_marketing' and state = 'granted'

)

select
    people.person_id,
    households.household_id,
    contacts.account_id,
    case
        when coalesce(purchases.order_count, 0) = 0
            then case when people.is_anonymous then 'visitor' else 'prospect' end
        when purchases.first_order_at >= {{ days_before(as_of(), stages.new_days) }} then 'new'
        when purchases.last_order_at < {{ days_before(as_of(), stages.lapsed_days) }} then 'lapsed'
        when purchases.last_order_at < {{ days_before(as_of(), stages.active_days) }} then 'at_risk'
        when purchases.last_gap_days > {{ stages.lapsed_days }} then 'reactivated'
        else 'active'
    end as customer_stage,
    case
        when negotiated.won_deal_count >= 2 then 'evangelist'
        when negotiated.won_deal_count = 1 then 'customer'
        when negotiated.open_deal_count > 0 then 'opportunity'
        when led.is_worked = 1 or contacts.lifecycle_stage = 'salesqualifiedlead'
            then 'sales_qualified_lead'
        when led.is_qualified = 1 then 'marketing_qualified_lead'
        when led.person_id is not null then 'lead'
        when subscribed.person_id is not null then 'subscriber'
    end as sales_stage,
    people.order_count,
    people.net_revenue,
    {{ money(divide('people.net_revenue', 'people.order_count')) }} as average_order_value,
    scores.recency_score,
    scores.frequency_score,
    scores.monetary_score,
    lifetime_values.alive_probability,
    lifetime_values.predicted_margin,
    lifetime_values.is_churned,
    led.lead_score,
    visited.first_touch_channel,
    visited.last_touch_channel,
    {%- for count in [
        'visited.session_count', 'asked.ticket_count', 'asked.open_ticket_count',
        'negotiated.open_deal_count', 'negotiated.won_deal_count',
    ] %}
    cast(coalesce({{ count }}, 0) as {{ dbt.type_bigint() }}) as {{ count.split('.')[1] }},
    {%- endfor %}
    coalesce(asked.has_severe, 0) = 1 as has_severe_ticket,
    visited.last_session_at,
    asked.last_ticket_at,
    people.last_order_at
from people
left join households on people.person_id = households.person_id
left join purchases on people.person_id = purchases.person_id
left join scores on people.person_id = scores.person_id
left join lifetime_values on people.person_id = lifetime_values.person_id
left join contacts on people.person_id = contacts.person_id
left join visited on people.person_id = visited.person_id
left join asked on people.person_id = asked.person_id
left join negotiated on people.person_id = negotiated.person_id
left join led on people.person_id = led.person_id
left join subscribed on people.person_id = subscribed.person_id
