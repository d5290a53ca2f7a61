{# A segment's table; a segment that nobody built yet is an error, never an empty audience. #}
{% macro segment_relation(segment) %}
    {%- set relation = adapter.get_relation(
        database=segment.database, schema=segment.schema, identifier=segment.alias
    ) -%}
    {%- if relation is none -%}
        {{- exceptions.raise_compiler_error(
            segment.original_file_path ~ ": the segment '" ~ segment.name ~ "' is not built yet. "
            ~ "Build it first (dbt build --exclude path:models/activation), then the activation."
        ) -}}
    {%- endif -%}
    {{- return(relation) -}}
{% endmacro %}
