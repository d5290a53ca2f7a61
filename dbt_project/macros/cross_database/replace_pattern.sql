{# Replaces every match; \1 in the replacement is the first group. #}
{%- macro replace_pattern(expression, pattern, replacement) -%}
    {{ return(adapter.dispatch('replace_pattern', 'seamline')(
        expression, pattern | replace("'", "''"), replacement | replace("'", "''")
    )) }}
{%- endmacro -%}

{%- macro default__replace_pattern(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro -%}

{%- macro spark__replace_pattern(expression, pattern, replacement) -%}
    regexp_replace(
        {{ expression }}, '{{ pattern | replace("\\", "\\\\") }}', '{{ replacement | replace("\\", "$") }}'
    )
{%- endmacro -%}

{%- macro snowflake__replace_pattern(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, $${{ pattern }}$$, $${{ replacement }}$$)
{%- endmacro -%}

{%- macro bigquery__replace_pattern(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, r'{{ pattern }}', r'{{ replacement }}')
{%- endmacro -%}
