{#
    Schema = folder: one name in SQL, in dbt and in the pipeline's graph. The var schema_suffix sets a
    whole build beside the usual one: dbt build --vars '{as_of: 2026-09-01, schema_suffix: _september}'
#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {{ (target.schema if custom_schema_name is none else custom_schema_name | trim) ~ var('schema_suffix', '') }}
{%- endmacro -%}
