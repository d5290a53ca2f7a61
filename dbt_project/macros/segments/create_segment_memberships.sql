{# Runs before every build, so that the first segment ever built finds its memory waiting. #}
{% macro create_segment_memberships() %}
create schema if not exists segments{{ var('schema_suffix', '') }};
create table if not exists {{ segment_memberships() }} (
    segment {{ dbt.type_string() }} not null,
    person_id {{ dbt.type_string() }} not null,
    entered_at {{ dbt.type_timestamp() }} not null,
    left_at {{ dbt.type_timestamp() }}
);
{% endmacro %}
