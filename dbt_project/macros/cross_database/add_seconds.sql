{# The timestamp moved by a number of seconds (negative: earlier). #}
{%- macro add_seconds(timestamp, seconds) -%}
    {{ return(adapter.dispatch('add_seconds', 'seamline')(timestamp, seconds)) }}
{%- endmacro -%}

{%- macro default__add_seconds(timestamp, seconds) -%}
    ({{ timestamp }} + ({{ seconds }}) * interval '1 second')
{%- endmacro -%}

{%- macro snowflake__add_seconds(timestamp, seconds) -%}
    timestampadd(second, {{ seconds }}, {{ timestamp }})
{%- endmacro -%}

{%- macro bigquery__add_seconds(timestamp, seconds) -%}
    timestamp_add({{ timestamp }}, interval ({{ seconds }}) second)
{%- endmacro -%}
