{#
    A JSON object as text, byte for byte the same on every engine. columns maps each name to
    (expression, type): string, number, boolean, timestamp, date, or json for text that is JSON.
    Keys keep the order given; nulls are written as null.
#}
{%- macro json_object(columns) -%}
    ('{'
    {%- for name, (expression, type) in columns.items() %}
        || '{{ ", " if not loop.first }}"{{ name }}": ' || coalesce(
        {%- if type in ('number', 'money', 'float', 'bigint', 'integer') -%}
            {{ text_of(expression, 'number') }}
        {%- elif type in ('boolean', 'json') -%}
            {{ text_of(expression) }}
        {%- elif type == 'timestamp' -%}
            {{ json_string(text_of(expression, 'timestamp')) }}
        {%- else -%}
            {{ json_string(text_of(expression)) }}
        {%- endif -%}
        , 'null')
    {%- endfor %}
        || '}')
{%- endmacro -%}
