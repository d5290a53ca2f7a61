{# A record's name in the graph of people. No identifier type is called record. #}
{%- macro record_node(source_name, source_id) -%}
    'record:' || {{ source_name }} || '/' || {{ source_id }}
{%- endmacro -%}
