{# The memory of segments. It outlives every rebuild, so it is no model: dbt would replace it. #}
{% macro segment_memberships() %}
    {{- return(api.Relation.create(
        database=target.database, schema='segments' ~ var('schema_suffix', ''), identifier='segment_memberships'
    )) -}}
{% endmacro %}
