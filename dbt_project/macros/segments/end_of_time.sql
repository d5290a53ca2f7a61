{# Later than anything that happens: a stay that has not ended is taken to end then. #}
{% macro end_of_time() -%}
    cast('9999-12-31' as {{ dbt.type_timestamp() }})
{%- endmacro %}
