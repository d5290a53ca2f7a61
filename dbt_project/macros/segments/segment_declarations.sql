{# What each segment's YAML says of it, typed where there is no segment. #}
{% macro segment_declarations() %}
    {%- set text = dbt.type_string() -%}
    {%- for segment in segments_for() %}
        {%- set meta = segment.config.meta.segment %}
    select
        '{{ segment.name }}' as id,
        '{{ meta.label | replace("'", "''") }}' as name,
        '{{ segment.description | trim | replace("'", "''") }}' as description,
        '{{ meta.owner | replace("'", "''") }}' as owner_email,
        '{{ meta.objective | replace("'", "''") }}' as objective,
        '{{ meta.purpose }}' as purpose,
        '{{ meta.channels | join(", ") }}' as channels,
        cast('{{ meta.expires_on }}' as date) as expiry_date

    union all
    {% endfor %}
    select
        {%- for column in
            ['id', 'name', 'description', 'owner_email', 'objective', 'purpose', 'channels'] %}
        cast(null as {{ text }}) as {{ column }},
        {%- endfor %}
        cast(null as date) as expiry_date
    where false
{% endmacro %}
