{# Names of nodes in the graph of people. A record cannot be taken for an identifier: no type is
   called record. #}
{%- macro record_node(source_name, source_id) -%}
    'record:' || {{ source_name }} || '/' || {{ source_id }}
{%- endmacro -%}

{%- macro identifier_node(type, value) -%}
    {{ type }} || ':' || {{ value }}
{%- endmacro -%}
