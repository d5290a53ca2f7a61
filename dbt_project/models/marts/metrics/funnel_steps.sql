{# The loops below leave lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
{# Each step of a funnel is reached by the first such event after the step before was reached. #}
{% set relations = [] -%}
with

events as (

    select
        person_id,
        event_name,
        occurred_at
    from {{ ref('events') }}
    where person_id is not null

),

{% for funnel, steps in var('funnels').items() -%}
{% for step in steps -%}
{%- do relations.append((funnel, loop.index, step)) -%}
{{ funnel }}_{{ loop.index }} as (

    select
        events.person_id,
        min(events.occurred_at) as reached_at
    from events
    {%- if not loop.first %}
    inner join {{ funnel }}_{{ loop.index0 }} as earlier
        on events.person_id = earlier.person_id
        and events.occurred_at > earlier.reached_at
    {%- endif %}
    where events.event_name = '{{ step }}'
    group by 1

),

{% endfor -%}
{% endfor -%}

reached as (
{% for funnel, position, step in relations %}
    select
        '{{ funnel }}' as funnel,
        {{ position }} as step_number,
        '{{ step }}' as event_name,
        person_id,
        reached_at
    from {{ funnel }}_{{ position }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
)

select
    funnel,
    person_id,
    cast(step_number as {{ dbt.type_bigint() }}) as step_number,
    event_name,
    reached_at
from reached
