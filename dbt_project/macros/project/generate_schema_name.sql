{# Schema = folder: one name in SQL, in dbt and in the pipeline's graph. #}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro -%}
