{# ISO 8601 as sources write it: a date, or a date and a time with or without an offset. #}
{%- macro timestamp_pattern() -%}
    {%- set day = '[12]\\d\\d\\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])' -%}
    {%- set time = '([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d([.]\\d{1,9})?)?' -%}
    {%- set offset = '(Z| UTC|[+-](0\\d|1[0-4]):?[0-5]\\d)?' -%}
    {{- '^' ~ day ~ '([T ]' ~ time ~ offset ~ ')?$' -}}
{%- endmacro -%}
