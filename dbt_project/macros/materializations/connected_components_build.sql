{# A full run of the connected_components materialization, and what a partial one shares with it. #}
{% macro components_build(target_relation, existing, sql) %}
    {%- set built = make_intermediate_relation(target_relation) -%}
    {%- set backup = make_backup_relation(
        target_relation, 'table' if existing is none else existing.type
    ) -%}
    {%- set sides = {
        'edges': components_beside(target_relation, 'edges'),
        'forest': components_beside(target_relation, 'forest'),
    } -%}
    {{ drop_relation_if_exists(load_cached_relation(built)) }}
    {{ drop_relation_if_exists(load_cached_relation(backup)) }}

    {%- set resolved = components_resolve_edges(sql, config.get('forest')) -%}
    {%- set is_rewritten = resolved.is_text and config.get('incremental') -%}
    {% call components_publish_ids(built, ['node_id', 'component_id'], is_rewritten) %}
        {{ resolved.members }}
    {% endcall %}
    {% do components_check_output(built) %}

    {% for relation in sides.values() %}
        {{ drop_relation_if_exists(load_cached_relation(relation)) }}
    {% endfor %}
    {% if existing is not none %}
        {% do adapter.rename_relation(existing, backup) %}
    {% endif %}
    {% do adapter.rename_relation(built, target_relation) %}
    {{ drop_relation_if_exists(backup if existing is not none else none) }}
    {% do create_indexes(target_relation) %}
    {% if config.get('forest') %}
        {% call components_publish_ids(sides.forest, ['left_id', 'right_id'], resolved.is_text) %}
            {{ resolved.forest }}
        {% endcall %}
    {% endif %}
    {% if config.get('incremental') %}
        {% call components_publish(sides.edges) %}
            select pairs.low, pairs.high from {{ resolved.pairs }} as pairs
        {% endcall %}
    {% endif %}
{% endmacro %}


{# For other materializations: the relation (node_id, component_id) of the edges in `sql`. #}
{% macro components_resolve(sql) %}
    {%- set members = components_work_table('members') -%}
    {%- set resolved = components_resolve_edges(sql, false) -%}
    {% call components_create(members) %}{{ resolved.members }}{% endcall %}
    {{ return(members) }}
{% endmacro %}


{#
    Returns the queries `members` (node_id, component_id) and `forest` (left_id, right_id), the
    relation `pairs` (low, high and, for the forest, edge), and whether ids are text.
#}
{% macro components_resolve_edges(sql, with_forest) %}
    {%- set is_text = components_check_input(sql).is_text -%}
    {%- set edges = components_keyed_edges(sql, is_text, with_forest) -%}
    {%- set nodes = components_work_table('nodes') -%}
    {%- set pairs = components_work_table('pairs') -%}

    {% call components_create(nodes) %}
        select edges.left_key as node_key, edges.left_id as node_id from {{ edges }} as edges
        union
        select edges.right_key, edges.right_id from {{ edges }} as edges
    {% endcall %}
    {% do components_check_keys(nodes) %}
    {% call components_create(pairs) %}
        select
            least(edges.left_key, edges.right_key) as low,
            greatest(edges.left_key, edges.right_key) as high
            {{ ', min(' ~ components_number('edges') ~ ') as edge' if with_forest }}
        from {{ edges }} as edges
        group by 1, 2
    {% endcall %}
    {%- set found = components_roots_of(pairs, with_forest) -%}
    {%- set members = components_members(nodes, found.roots, is_text) -%}
    {%- set forest -%}
        select edges.left_id, edges.right_id
        from {{ edges }} as edges
        where {{ components_number('edges') }} in ({{ found.forest }})
    {%- endset -%}
    {{ return({'members': members, 'pairs': pairs, 'forest': forest, 'is_text': is_text}) }}
{% endmacro %}


{# The edges that say something, with the keys of their ends. #}
{% macro components_keyed_edges(sql, is_text, with_number, deletes=false) %}
    {%- set edges = components_work_table('edges') -%}
    {% call components_create(edges) %}
        select
            edges.left_id,
            edges.right_id,
            {{ components_key('edges.left_id', is_text) }} as left_key,
            {{ components_key('edges.right_id', is_text) }} as right_key
            {{ components_numbered() if with_number }}
            {{ ', coalesce(edges.is_deleted, false) as is_deleted' if deletes }}
        from ({{ sql }}) as edges
        where edges.left_id is not null and edges.right_id is not null
    {% endcall %}
    {{ return(edges) }}
{% endmacro %}


{#
    The query (node_id, component_id, and what else `columns` names) for nodes (node_key, node_id). Where
    they are many, its rows lie component by component: a column that repeats is written in half the
    time. The largest, which are likely to have the smallest keys, lie last: DuckDB gives up on a Bloom
    filter that the first rows of a scan mostly pass.
#}
{% macro components_members(nodes, roots, is_text, columns=[], are_many=true) %}
    {%- set rooted = components_work_table('rooted') -%}
    {%- set leaders = components_work_table('leaders') -%}
    {% call components_create(rooted) %}
        select
            nodes.node_id,
            coalesce(roots.root, nodes.node_key) as root
            {%- for column in columns %}, nodes.{{ column }}{% endfor %}
        from {{ nodes }} as nodes
        left join {{ roots }} as roots on nodes.node_key = roots.node
        {% if are_many %}order by 2 desc{% endif %}
    {% endcall %}
    {% call components_create(leaders) %}
        select rooted.root, {{ components_smallest('rooted.node_id', is_text) }} as component_id
        from {{ rooted }} as rooted
        group by rooted.root
    {% endcall %}
    {%- set members -%}
        select
            rooted.node_id,
            leaders.component_id
            {%- for column in columns %}, rooted.{{ column }}{% endfor %}
        from {{ rooted }} as rooted
        inner join {{ leaders }} as leaders on rooted.root = leaders.root
    {%- endset -%}
    {{ return(members) }}
{% endmacro %}
