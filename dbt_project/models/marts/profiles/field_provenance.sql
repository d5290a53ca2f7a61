{# The loop below leaves lines whose indent the linter cannot follow. #}
-- noqa: disable=layout.indent
with

attributes as (

    select * from {{ ref('int_attributes_attributed') }}

),

{% for field, settings in var('survivorship').items() -%}
{{ field }}_ranked as (

    select
        *,
        cast('{{ settings.by | join(', ') }}' as {{ dbt.type_string() }}) as rule,
        row_number() over (
            partition by person_id
            order by {{ survivorship_order(field, settings) }}
        ) as position
    from attributes
    where attribute_name = '{{ field }}'

),

{% endfor -%}

ranked as (

    {% for field in var('survivorship') -%}
    select * from {{ field }}_ranked
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    person_id,
    attribute_name as field,
    attribute_value as value,
    source_name,
    source_id,
    rule,
    observed_at
from ranked
where position = 1
