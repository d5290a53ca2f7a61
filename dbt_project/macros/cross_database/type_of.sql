{# string, timestamp, date, float, bigint, boolean and money as this warehouse spells them. #}
{%- macro type_of(name) -%}
    {%- set types = {
        'string': dbt.type_string(),
        'timestamp': dbt.type_timestamp(),
        'float': type_double(),
        'bigint': dbt.type_bigint(),
        'boolean': dbt.type_boolean(),
        'money': 'numeric(18, 4)',
    } -%}
    {{- types.get(name, name) -}}
{%- endmacro -%}
