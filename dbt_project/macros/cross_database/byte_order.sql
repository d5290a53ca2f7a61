{# A text to order by that sorts by bytes, whatever the database's collation. #}
{%- macro byte_order(expression) -%}
    {{ return(adapter.dispatch('byte_order', 'seamline')(expression)) }}
{%- endmacro -%}

{%- macro default__byte_order(expression) -%} {{ expression }} {%- endmacro -%}

{%- macro postgres__byte_order(expression) -%} ({{ expression }}) collate "C" {%- endmacro -%}
