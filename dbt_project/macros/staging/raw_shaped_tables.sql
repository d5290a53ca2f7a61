{# (source, table) of every raw-shaped staging model of the enabled sources. #}
{%- macro raw_shaped_tables() -%}
    {%- set found = [] -%}
    {%- for source_name in var('sources') -%}
        {%- for table in var('source_catalogue')[source_name].tables -%}
            {%- do found.append((source_name, table)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro -%}
