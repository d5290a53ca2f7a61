{# Turns the var survivorship into the order in which a person's values of one field compete. #}
{%- macro survivorship_order(field, settings) -%}
    {%- set criteria = {
        'verified': 'case when is_verified then 0 else 1 end',
        'most_seen': 'mention_count desc',
        'longest': 'length(attribute_value) desc',
        'source_priority': none,
        'most_recent': 'observed_at desc nulls last',
    } -%}
    {%- for criterion in settings.by -%}
        {%- if criterion not in criteria -%}
            {{ exceptions.raise_compiler_error(
                "dbt_project.yml, vars.survivorship." ~ field ~ ".by: '" ~ criterion ~ "' is unknown; use "
                ~ criteria | join(', ') ~ "."
            ) }}
        {%- endif -%}
        {%- if criterion == 'source_priority' -%}
            case source_name
            {%- for source_name in settings.sources %} when '{{ source_name }}' then {{ loop.index }}{% endfor %} else 99 end
        {%- else -%}
            {{ criteria[criterion] }}
        {%- endif -%}
        ,
    {% endfor -%}
    {{ byte_order('attribute_value') }}, {{ byte_order('source_name') }}, {{ byte_order('source_id') }}
{%- endmacro -%}
