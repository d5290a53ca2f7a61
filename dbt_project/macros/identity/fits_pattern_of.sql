{# Like matches_pattern, but the regular expression is a column. #}
{%- macro fits_pattern_of(expression, pattern_column) -%}
    {{ return(adapter.dispatch('fits_pattern_of', 'seamline')(expression, pattern_column)) }}
{%- endmacro -%}

{%- macro default__fits_pattern_of(expression, pattern_column) -%}
    regexp_matches({{ expression }}, {{ pattern_column }})
{%- endmacro -%}

{%- macro postgres__fits_pattern_of(expression, pattern_column) -%}
    ({{ expression }} ~ {{ pattern_column }})
{%- endmacro -%}
