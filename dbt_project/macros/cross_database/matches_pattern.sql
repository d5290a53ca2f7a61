{# True where the regular expression occurs in the text. Stay with what RE2 and POSIX ARE share. #}
{%- macro matches_pattern(expression, pattern) -%}
    {{ return(adapter.dispatch('matches_pattern', 'seamline')(expression, pattern | replace("'", "''"))) }}
{%- endmacro -%}

{%- macro default__matches_pattern(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}')
{%- endmacro -%}

{%- macro postgres__matches_pattern(expression, pattern) -%}
    ({{ expression }} ~ '{{ pattern }}')
{%- endmacro -%}

{%- macro spark__matches_pattern(expression, pattern) -%}
    ({{ expression }} rlike '{{ pattern | replace("\\", "\\\\") }}')
{%- endmacro -%}

{%- macro bigquery__matches_pattern(expression, pattern) -%}
    regexp_contains({{ expression }}, r'{{ pattern }}')
{%- endmacro -%}
