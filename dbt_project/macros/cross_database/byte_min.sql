{# The smallest text in byte order, whatever the database's collation. #}
{%- macro byte_min(expression) -%}
    {{ return(adapter.dispatch('byte_min', 'seamline')(expression)) }}
{%- endmacro -%}

{%- macro default__byte_min(expression) -%} min({{ expression }}) {%- endmacro -%}

{# The outer collation keeps the result comparable with columns of the default one. #}
{%- macro postgres__byte_min(expression) -%}
    min(({{ expression }}) collate "C") collate "default"
{%- endmacro -%}
