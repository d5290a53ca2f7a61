{#
    The tables of the connected_components materialization. Working tables carry a prefix of their
    own, so that the leftovers of a run that was killed are known for what they are. Only DuckDB keeps
    them in its temporary database; elsewhere they are real, because not every engine has others
    (Spark) or reads them in parallel (PostgreSQL).
#}
{% macro components_work_prefix() %}
    {{ return(this.identifier[:30] ~ '__cc' ~ local_md5(this.identifier)[:6] ~ '_') }}
{% endmacro %}

{% macro components_work_table(name) %}
    {{ return(components_table_in(components_work_schema(), components_work_prefix() ~ name)) }}
{% endmacro %}

{% macro components_work_schema() %}
    {{ return(adapter.dispatch('components_work_schema')()) }}
{% endmacro %}

{% macro default__components_work_schema() %}
    {{ return(this.without_identifier()) }}
{% endmacro %}

{% macro duckdb__components_work_schema() %}
    {{ return(api.Relation.create(database='temp', schema='main')) }}
{% endmacro %}

{% macro components_table_in(schema, name) %}
    {{ return(api.Relation.create(
        database=schema.database, schema=schema.schema, identifier=name, type='table'
    )) }}
{% endmacro %}

{# The relation that belongs to a model's and has its name with a suffix. #}
{% macro components_beside(relation, name) %}
    {{ return(relation.incorporate(
        path={'identifier': relation.identifier ~ '__' ~ name}, type='table'
    )) }}
{% endmacro %}


{# A working table; used with `call`: the body is the query. #}
{% macro components_create(relation) %}
    {{ return(adapter.dispatch('components_create')(relation, caller())) }}
{% endmacro %}

{% macro default__components_create(relation, query) %}
    {% call statement('components_create') %}
        create table {{ relation }} as {{ query }}
    {% endcall %}
{% endmacro %}

{% macro duckdb__components_create(relation, query) %}
    {% call statement('components_create') %}
        create temporary table {{ relation }} as {{ query }}
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

{% macro spark__components_create(relation, query) %}
    {% call statement('components_create') %}
        create table {{ relation }} using parquet as {{ query }}
    {% endcall %}
{% endmacro %}


{% macro components_is_empty(relation, condition='1 = 1') %}
    {%- set found = run_query('select 1 as one from ' ~ relation ~ ' where ' ~ condition ~ ' limit 1') -%}
    {{ return(found | length == 0) }}
{% endmacro %}


{% macro components_drop_working_tables() %}
    {%- set prefix = components_work_prefix() -%}
    {%- set drops = [] -%}
    {% for schema in [this.without_identifier(), components_work_schema()] | unique %}
        {% for name in components_table_names(schema) if name.startswith(prefix) %}
            {% do drops.append('drop table if exists ' ~ components_table_in(schema, name)) %}
        {% endfor %}
    {% endfor %}
    {% do components_run_all(drops) %}
{% endmacro %}

{# In one statement where the engine takes several. #}
{% macro components_run_all(statements) %}
    {{ return(adapter.dispatch('components_run_all')(statements)) }}
{% endmacro %}

{% macro default__components_run_all(statements) %}
    {% for sql in statements %}
        {% call statement('components_run_all') %}{{ sql }}{% endcall %}
    {% endfor %}
{% endmacro %}

{% macro duckdb__components_run_all(statements) %}
    {% do default__components_run_all([statements | join('; ')] if statements else []) %}
{% endmacro %}

{% macro postgres__components_run_all(statements) %}
    {% do duckdb__components_run_all(statements) %}
{% endmacro %}

{% macro components_table_names(schema) %}
    {{ return(adapter.dispatch('components_table_names')(schema)) }}
{% endmacro %}

{% macro default__components_table_names(schema) %}
    {{ return(list_relations_without_caching(schema).columns['name'].values()) }}
{% endmacro %}

{% macro spark__components_table_names(schema) %}
    {{ return(run_query('show tables in ' ~ schema).columns['tableName'].values()) }}
{% endmacro %}
