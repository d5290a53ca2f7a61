{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{% set text, number, instant = dbt.type_string(), 'numeric(18, 6)', dbt.type_timestamp() -%}
{%- set kinds = {
    text: [
        'household_id', 'account_id', 'customer_stage', 'sales_stage', 'first_touch_channel',
        'last_touch_channel',
    ],
    number: [
        'order_count', 'net_revenue', 'average_order_value', 'recency_score', 'frequency_score',
        'monetary_score', 'alive_probability', 'predicted_margin', 'lead_score', 'session_count',
        'ticket_count', 'open_ticket_count', 'open_deal_count', 'won_deal_count',
    ],
    'flag': ['is_churned', 'has_severe_ticket'],
    instant: ['last_session_at', 'last_ticket_at', 'last_order_at'],
} -%}
with

traits as (

    select * from {{ ref('person_traits') }}

),

listed as (
{% for kind, names in kinds.items() %}
{%- set last = loop.last %}
{%- for trait in names %}
{%- set value = 'case when ' ~ trait ~ ' then 1 else 0 end' if kind == 'flag' else trait %}
    select
        person_id,
        '{{ trait }}' as trait,
        cast({{ value if kind == text else 'null' }} as {{ text }}) as text_value,
        cast({{ value if kind in (number, 'flag') else 'null' }} as {{ number }}) as number_value,
        cast({{ value if kind == instant else 'null' }} as {{ instant }}) as value_at
    from traits
    where {{ trait }} is not null
    {{ 'union all' if not (last and loop.last) }}
{%- endfor %}
{%- endfor %}
)

select
    person_id,
    trait,
    text_value,
    number_value,
    value_at,
    {{ as_of() }} as computed_at
from listed
