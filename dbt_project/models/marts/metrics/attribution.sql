{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{% set half_life = var('attribution_half_life_days') -%}
{%- set credits = {
    'first_touch': 'case when position = 1 then 1.0 else 0.0 end',
    'last_touch': 'case when position = touch_count then 1.0 else 0.0 end',
    'last_non_direct': 'case when position = last_not_direct then 1.0 else 0.0 end',
    'linear': '1.0 / touch_count',
    'position_based':
        'case when touch_count <= 2 then 1.0 / touch_count'
        ~ ' when position in (1, touch_count) then 0.4 else 0.2 / (touch_count - 2) end',
    'time_decay': 'exp(-ln(2.0) * days_before / ' ~ half_life ~ ')'
        ~ ' / sum(exp(-ln(2.0) * days_before / ' ~ half_life ~ ')) over (partition by order_id)',
} -%}

with

touches as (

    select * from {{ ref('touchpoints') }}

),

credited as (
{% for model, credit in credits.items() %}
    select
        *,
        '{{ model }}' as model,
        case when position = 0 then 1.0 else {{ credit }} end as fraction
    from touches
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

-- Credit up to and with this visit, rounded. A visit gets the difference to the one before it, so
-- that whatever is rounded, an order's credit is 1 and its revenue is all given away.
cumulated as (

    select
        *,
        case
            when position = touch_count then 1
            else cast(sum(fraction) over (
                partition by model, order_id order by position
                rows between unbounded preceding and current row
            ) as numeric(18, 9))
        end as credit_so_far
    from credited

),

shared as (

    select
        *,
        coalesce(lag(credit_so_far) over (
            partition by model, order_id order by position
        ), 0) as credit_before
    from cumulated

)

select
    order_id,
    model,
    position,
    person_id,
    session_id,
    channel,
    campaign_source,
    campaign_medium,
    campaign_name,
    cast(credit_so_far - credit_before as numeric(18, 9)) as credit,
    {{ money(
        money('net_revenue * credit_so_far') ~ ' - ' ~ money('net_revenue * credit_before')
    ) }} as revenue,
    touched_at,
    converted_at
from shared
where credit_so_far > credit_before
