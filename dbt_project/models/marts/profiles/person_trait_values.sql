{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{% set numbers = [
    'order_count', 'net_revenue', 'average_order_value', 'recency_score', 'frequency_score',
    'monetary_score', 'alive_probability', 'predicted_margin', 'lead_score', 'session_count',
    'ticket_count', 'open_ticket_count', 'open_deal_count', 'won_deal_count',
] -%}
{%- set texts = ['household_id', 'account_id', 'customer_stage', 'sales_stage'] -%}
with

traits as (

    select * from {{ ref('person_traits') }}

),

listed as (
{% for trait in texts + numbers %}
    select
        person_id,
        '{{ trait }}' as trait,
        cast({{ trait if trait in texts else 'null' }} as {{ dbt.type_string() }}) as text_value,
        cast({{ trait if trait in numbers else 'null' }} as numeric(18, 6)) as number_value
    from traits
    where {{ trait }} is not null
    {{ 'union all' if not loop.last }}
{%- endfor %}
)

select
    person_id,
    trait,
    text_value,
    number_value,
    {{ as_of() }} as computed_at
from listed
