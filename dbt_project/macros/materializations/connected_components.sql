{#
    materialized='connected_components'

    The model's SQL yields edges in the columns `left_id` and `right_id`, both of one type. An edge
    from a node to itself says that the node exists; a row with a null on either side says nothing.
    The table that is built has one row per node: `node_id` and `component_id`, the smallest node_id
    (text in byte order) that can be reached from it.

    Needs nothing but this folder on the macro-paths of a dbt project. The table that stood before is
    replaced by renaming, in the last step: a run that fails, or does not converge, publishes nothing.
#}
{% materialization connected_components, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set built = make_intermediate_relation(target_relation) -%}
    {%- set backup = make_backup_relation(
        target_relation, 'table' if existing is none else existing.type
    ) -%}

    {% do components_drop_working_tables() %}
    {{ drop_relation_if_exists(load_cached_relation(built)) }}
    {{ drop_relation_if_exists(load_cached_relation(backup)) }}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set smallest = components_check_input(sql) -%}
    {%- set edges = components_work_table('edges') -%}
    {%- set nodes = components_work_table('nodes') -%}
    {%- set pairs = components_work_table('pairs') -%}

    {% call components_create(edges) %}
        select edges.left_id, edges.right_id
        from ({{ sql }}) as edges
        where edges.left_id is not null and edges.right_id is not null
    {% endcall %}
    {# A dictionary, because whole numbers join and compare many times faster than text. Its order
       is of no consequence: the smallest node_id is looked for at the end. #}
    {% call components_create(nodes) %}
        select ends.node_id, row_number() over () as node_key
        from (
            select edges.left_id as node_id from {{ edges }} as edges
            union
            select edges.right_id from {{ edges }} as edges
        ) as ends
    {% endcall %}
    {% call components_create(pairs) %}
        select distinct
            least(lefts.node_key, rights.node_key) as low,
            greatest(lefts.node_key, rights.node_key) as high
        from {{ edges }} as edges
        inner join {{ nodes }} as lefts on edges.left_id = lefts.node_id
        inner join {{ nodes }} as rights on edges.right_id = rights.node_id
        where edges.left_id <> edges.right_id
    {% endcall %}
    {%- set roots = components_roots_of(pairs) -%}

    {% call statement('main') %}
        create table {{ built }} as
        with rooted as (
            select nodes.node_id, coalesce(roots.root, nodes.node_key) as root
            from {{ nodes }} as nodes
            left join {{ roots }} as roots on nodes.node_key = roots.node
        ),
        leaders as (
            select rooted.root, {{ smallest }} as component_id
            from rooted
            group by rooted.root
        )
        select rooted.node_id, leaders.component_id
        from rooted
        inner join leaders on rooted.root = leaders.root
    {% endcall %}
    {% do components_check_output(built) %}
    {% do components_drop_working_tables() %}

    {% if existing is not none %}
        {% do adapter.rename_relation(existing, backup) %}
    {% endif %}
    {% do adapter.rename_relation(built, target_relation) %}
    {% do create_indexes(target_relation) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(
        target_relation, config.get('grants'), should_revoke(existing, full_refresh_mode=True)
    ) %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ drop_relation_if_exists(backup) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# Names the columns that are wrong before anything is built; returns the expression that picks the
   smallest id. #}
{% macro components_check_input(sql) %}
    {%- set columns = {} -%}
    {% for column in get_column_schema_from_query(sql) %}
        {% do columns.update({column.name | lower: column}) %}
    {% endfor %}
    {% if columns | sort != ['left_id', 'right_id'] %}
        {% do exceptions.raise_compiler_error(
            'connected_components: the SQL of ' ~ model.unique_id ~ ' must yield exactly the columns '
            ~ 'left_id and right_id, it yields: ' ~ columns | sort | join(', ')
        ) %}
    {% endif %}
    {% if columns['left_id'].data_type != columns['right_id'].data_type %}
        {% do exceptions.raise_compiler_error(
            'connected_components: left_id and right_id of ' ~ model.unique_id ~ ' must have one '
            ~ 'type, they have ' ~ columns['left_id'].data_type ~ ' and '
            ~ columns['right_id'].data_type ~ ': cast them'
        ) %}
    {% endif %}
    {{ return(components_smallest('rooted.node_id', columns['left_id'].is_string())) }}
{% endmacro %}


{# dbt does not enforce a contract on a materialization of its own, so this one does. #}
{% macro components_check_output(built) %}
    {%- set columns = adapter.get_columns_in_relation(built) | map(attribute='name') | list -%}
    {% if columns | map('lower') | list != ['node_id', 'component_id'] %}
        {% do exceptions.raise_compiler_error(
            'connected_components: ' ~ model.unique_id ~ ' built the columns ' ~ columns | join(', ')
            ~ ' instead of node_id, component_id'
        ) %}
    {% endif %}
    {% if config.get('contract').enforced %}
        {%- set built_query = 'select * from ' ~ built -%}
        {%- set verdict = get_assert_columns_equivalent(built_query) -%}
    {% endif %}
{% endmacro %}


{% macro components_smallest(expression, is_text) %}
    {{ return(adapter.dispatch('components_smallest')(expression, is_text)) }}
{% endmacro %}

{% macro default__components_smallest(expression, is_text) %}
    {{ return('min(' ~ expression ~ ')') }}
{% endmacro %}

{# The database's collation may put 'a' before 'B'; byte order is the same everywhere. #}
{% macro postgres__components_smallest(expression, is_text) %}
    {% if is_text %}
        {{ return('min(' ~ expression ~ ' collate "C") collate "default"') }}
    {% endif %}
    {{ return('min(' ~ expression ~ ')') }}
{% endmacro %}
