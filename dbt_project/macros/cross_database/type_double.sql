{# A 64-bit float; DuckDB's plain float has 32 bits, so that 19.99 would differ from PostgreSQL's. #}
{%- macro type_double() -%}
    {{ return(adapter.dispatch('type_double', 'seamline')()) }}
{%- endmacro -%}

{%- macro default__type_double() -%} double precision {%- endmacro -%}

{%- macro spark__type_double() -%} double {%- endmacro -%}

{%- macro bigquery__type_double() -%} float64 {%- endmacro -%}
