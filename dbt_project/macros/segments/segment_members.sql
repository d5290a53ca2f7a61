{# Who is in which segment: (audience_id, person_id), of all segments, typed where there is none. #}
{% macro segment_members() %}
    {%- for segment in segments_for() %}
    select
        '{{ segment.name }}' as audience_id,
        person_id
    from {{ segment_relation(segment) }}

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as audience_id,
        cast(null as {{ dbt.type_string() }}) as person_id
    where false
{% endmacro %}
