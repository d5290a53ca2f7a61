{# An identifier's name in the graph of people. #}
{%- macro identifier_node(type, value) -%}
    {{ type }} || ':' || {{ value }}
{%- endmacro -%}
