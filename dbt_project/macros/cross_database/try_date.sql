{# Date from ISO 8601 text (a time is cut off, in UTC), null where it is none. #}
{%- macro try_date(expression) -%}
    cast({{ try_timestamp(expression) }} as date)
{%- endmacro -%}
