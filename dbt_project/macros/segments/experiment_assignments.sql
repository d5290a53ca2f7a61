{# Who was ever in a segment that runs an experiment, in which variant, from the history of stays. #}
{% macro experiment_assignments(history) %}
    {%- for segment in segments_for() if segment.config.meta.segment.get('experiment') %}
    select
        segment as audience_id,
        person_id,
        {{ experiment_variant(segment.config.meta.segment.experiment, 'person_id') }} as variant,
        min(entered_at) as entered_at
    from {{ history }}
    where segment = '{{ segment.name }}'
    group by 1, 2, 3

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as audience_id,
        cast(null as {{ dbt.type_string() }}) as person_id,
        cast(null as {{ dbt.type_string() }}) as variant,
        cast(null as {{ dbt.type_timestamp() }}) as entered_at
    where false
{% endmacro %}
