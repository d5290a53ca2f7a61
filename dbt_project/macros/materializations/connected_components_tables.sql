{#
    The working tables of the connected_components materialization. They are real tables, because
    not every engine has temporary ones, and carry a prefix of their own, so that the leftovers of a
    run that was killed are known for what they are.
#}
{% macro components_work_prefix() %}
    {{ return(this.identifier[:30] ~ '__cc' ~ local_md5(this.identifier)[:6] ~ '_') }}
{% endmacro %}

{% macro components_work_table(name) %}
    {{ return(api.Relation.create(
        database=this.database,
        schema=this.schema,
        identifier=components_work_prefix() ~ name,
        type='table'
    )) }}
{% endmacro %}


{# Used with `call`: the body is the query. #}
{% macro components_create(relation) %}
    {{ return(adapter.dispatch('components_create')(relation, caller())) }}
{% endmacro %}

{% macro default__components_create(relation, query) %}
    {% call statement('components_create') %}
        create table {{ relation }} as {{ query }}
    {% endcall %}
{% endmacro %}

{# Without statistics PostgreSQL plans nested loops over millions of rows. #}
{% macro postgres__components_create(relation, query) %}
    {% call statement('components_create') %}
        create unlogged table {{ relation }} as {{ query }}
    {% endcall %}
    {% call statement('components_analyze') %}
        analyze {{ relation }}
    {% endcall %}
{% endmacro %}


{% macro components_is_empty(relation, condition='1 = 1') %}
    {%- set found = run_query('select 1 as one from ' ~ relation ~ ' where ' ~ condition ~ ' limit 1') -%}
    {{ return(found | length == 0) }}
{% endmacro %}


{% macro components_drop_working_tables() %}
    {%- set prefix = components_work_prefix() -%}
    {% for row in list_relations_without_caching(this.without_identifier()) %}
        {% if row['name'].startswith(prefix) %}
            {% call statement('components_drop') %}
                drop table if exists {{ components_work_table(row['name'][prefix | length:]) }}
            {% endcall %}
        {% endif %}
    {% endfor %}
{% endmacro %}
