{# What a partial run of the connected_components materialization works on. #}

{#
    What has to be looked at:
      lost        the components that lost an edge (component_id)
      rest        the edges that are new, or left in those (low, high, numbered)
      supers      ends of new edges in other components, and that one's key (node_key, super_key)
      nodes       what takes part (node_key, node_id, is_component)
      residents   nodes of the lost components (node_key, node_id)
      names       these and the ends of new edges (node_key, node_id)
#}
{% macro components_scope(target_relation, edges, state, delta, is_text) %}
    {%- set key = components_key('nodes.node_id', is_text) -%}
    {%- set fresh = components_work_table('fresh') -%}
    {%- set known = components_work_table('known') -%}
    {%- set lost = components_work_table('lost') -%}
    {%- set residents = components_work_table('residents') -%}
    {%- set names = components_work_table('names') -%}
    {%- set rest = components_work_table('rest') -%}
    {%- set supers = components_work_table('supers') -%}
    {%- set nodes = components_work_table('nodes') -%}

    {% call components_create(fresh) %}
        with news as (
            select edges.left_id, edges.right_id, edges.left_key, edges.right_key
            from {{ edges }} as edges
            inner join {{ delta.added }} as added
                on least(edges.left_key, edges.right_key) = added.low
                and greatest(edges.left_key, edges.right_key) = added.high
        )
        select news.left_key as node_key, news.left_id as node_id from news
        union
        select news.right_key, news.right_id from news
    {% endcall %}
    {% call components_create(known) %}
        with touched as (
            select fresh.node_key from {{ fresh }} as fresh
            union
            select removed.low from {{ delta.removed }} as removed
        )
        select {{ key }} as node_key, nodes.node_id, nodes.component_id
        from {{ target_relation }} as nodes
        inner join touched on {{ key }} = touched.node_key
    {% endcall %}
    {% call components_create(lost) %}
        select distinct known.component_id
        from {{ known }} as known
        inner join {{ delta.removed }} as removed on known.node_key = removed.low
    {% endcall %}
    {% call components_create(residents) %}
        select {{ key }} as node_key, nodes.node_id
        from {{ target_relation }} as nodes
        inner join {{ lost }} as lost on nodes.component_id = lost.component_id
    {% endcall %}
    {% call components_create(names) %}
        select residents.node_key, residents.node_id from {{ residents }} as residents
        union
        select fresh.node_key, fresh.node_id from {{ fresh }} as fresh
        union
        select known.node_key, known.node_id from {{ known }} as known
    {% endcall %}
    {% do components_check_keys(names) %}
    {% call components_create(rest) %}
        select listed.low, listed.high {{ components_numbered() }}
        from (
            select added.low, added.high from {{ delta.added }} as added
            union all
            select state.low, state.high
            from {{ state }} as state
            inner join {{ residents }} as residents on state.low = residents.node_key
            left join {{ delta.removed }} as removed
                on state.low = removed.low and state.high = removed.high
            where removed.low is null
        ) as listed
    {% endcall %}
    {% call components_create(supers) %}
        select
            known.node_key,
            known.component_id,
            {{ components_key('known.component_id', is_text) }} as super_key
        from {{ known }} as known
        left join {{ lost }} as lost on known.component_id = lost.component_id
        where lost.component_id is null
    {% endcall %}
    {% call components_create(nodes) %}
        with ends as (
            select rest.low as node_key from {{ rest }} as rest
            union
            select rest.high from {{ rest }} as rest
        )
        select distinct supers.super_key as node_key, supers.component_id as node_id, 1 as is_component
        from {{ supers }} as supers
        union all
        select names.node_key, names.node_id, 0 as is_component
        from {{ names }} as names
        inner join ends on names.node_key = ends.node_key
        left join {{ supers }} as supers on names.node_key = supers.node_key
        where supers.node_key is null
    {% endcall %}
    {{ return({
        'lost': lost,
        'residents': residents,
        'rest': rest,
        'supers': supers,
        'nodes': nodes,
        'names': names,
    }) }}
{% endmacro %}
