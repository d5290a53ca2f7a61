{# One row per part of a separated text; goes into the select list of a query. #}
{%- macro split_to_rows(column, separator) -%}
    {{ return(adapter.dispatch('split_to_rows', 'seamline')(column, separator)) }}
{%- endmacro -%}

{%- macro default__split_to_rows(column, separator) -%}
    unnest(string_to_array({{ column }}, '{{ separator }}'))
{%- endmacro -%}

{%- macro spark__split_to_rows(column, separator) -%}
    explode(split({{ column }}, '{{ separator }}'))
{%- endmacro -%}
