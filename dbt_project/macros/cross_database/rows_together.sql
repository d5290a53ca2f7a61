{#
    Ends a query whose table is asked for few people at a time: the rows of each lie together, so that
    they are found in few places. Elsewhere the warehouse clusters by itself, or by its own config.
#}
{%- macro rows_together(key) -%}
    {{ return(adapter.dispatch('rows_together', 'seamline')(key)) }}
{%- endmacro -%}

{%- macro default__rows_together(key) -%} {%- endmacro -%}

{%- macro duckdb__rows_together(key) -%} order by {{ key }} {%- endmacro -%}
