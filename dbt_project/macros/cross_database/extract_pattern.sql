{# The part that matches a regular expression without capturing groups; null where nothing does. #}
{%- macro extract_pattern(expression, pattern) -%}
    {{ return(adapter.dispatch('extract_pattern', 'seamline')(expression, pattern | replace("'", "''"))) }}
{%- endmacro -%}

{%- macro default__extract_pattern(expression, pattern) -%}
    nullif(regexp_extract({{ expression }}, '{{ pattern }}'), '')
{%- endmacro -%}

{%- macro postgres__extract_pattern(expression, pattern) -%}
    nullif(substring({{ expression }} from '{{ pattern }}'), '')
{%- endmacro -%}

{%- macro spark__extract_pattern(expression, pattern) -%}
    nullif(regexp_extract({{ expression }}, '{{ pattern | replace("\\", "\\\\") }}', 0), '')
{%- endmacro -%}
