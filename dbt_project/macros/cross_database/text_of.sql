{#
    A value as text, the same on every engine. Engines disagree on 1.0 and on trailing zeros:
    name the type 'number' for numbers, 'timestamp' for ISO 8601 in UTC.
#}
{%- macro text_of(expression, type='string') -%}
    {%- if type == 'number' -%}
        {%- set digits = 'cast(cast(' ~ expression ~ ' as numeric(28, 6)) as ' ~ dbt.type_string() ~ ')' -%}
        {{- replace_pattern(replace_pattern(digits, '0+$', ''), '[.]$', '') -}}
    {%- elif type == 'timestamp' -%}
        (replace(cast(cast({{ expression }} as {{ dbt.type_timestamp() }}) as {{ dbt.type_string() }}), ' ', 'T') || 'Z')
    {%- else -%}
        cast({{ expression }} as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro -%}
