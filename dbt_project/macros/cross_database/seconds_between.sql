{# Seconds from the first timestamp to the second, as a float with microseconds. #}
{%- macro seconds_between(first, second) -%}
    {{ return(adapter.dispatch('seconds_between', 'seamline')(first, second)) }}
{%- endmacro -%}

{%- macro default__seconds_between(first, second) -%}
    ((epoch_us({{ second }}) - epoch_us({{ first }})) / 1000000.0)
{%- endmacro -%}

{%- macro postgres__seconds_between(first, second) -%}
    cast(extract(epoch from ({{ second }}) - ({{ first }})) as double precision)
{%- endmacro -%}

{%- macro spark__seconds_between(first, second) -%}
    ((unix_micros({{ second }}) - unix_micros({{ first }})) / 1000000.0)
{%- endmacro -%}

{%- macro snowflake__seconds_between(first, second) -%}
    (timestampdiff(microsecond, {{ first }}, {{ second }}) / 1000000.0)
{%- endmacro -%}

{%- macro bigquery__seconds_between(first, second) -%}
    (timestamp_diff({{ second }}, {{ first }}, microsecond) / 1000000.0)
{%- endmacro -%}
