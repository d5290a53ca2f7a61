{# The share of people that each variant of each experiment should get, typed where there is none. #}
{% macro experiment_shares() %}
    {%- for segment in segments_for() if segment.config.meta.segment.get('experiment') %}
        {%- set experiment = segment.config.meta.segment.experiment %}
        {%- set variants = experiment.get('variants', ['treated']) %}
        {%- for variant in ['control'] + variants %}
            {%- set rest = (1 - experiment.control) / (variants | length) %}
    select
        '{{ segment.name }}' as audience_id,
        '{{ variant }}' as variant,
        {{ variants | length }} as degrees_of_freedom,
        cast({{ experiment.control if variant == 'control' else rest }} as {{ type_double() }}) as share

    union all
        {% endfor %}
    {%- endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as audience_id,
        cast(null as {{ dbt.type_string() }}) as variant,
        0 as degrees_of_freedom,
        cast(null as {{ type_double() }}) as share
    where false
{% endmacro %}
