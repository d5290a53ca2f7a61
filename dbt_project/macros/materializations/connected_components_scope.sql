{# What a partial run of the connected_components materialization works on. #}

{# The nodes whose edges may be new (node_key, node_id): all that a batch names, changed or not. #}
{% macro components_ends(edges, delta) %}
    {%- set ends = components_work_table('ends') -%}
    {% call components_create(ends) %}
        {%- if config.get('incremental') == 'changes' %}
            {{ components_ids(edges) }}
        {%- else %}
            with news as (
                select edges.left_id, edges.right_id, edges.left_key, edges.right_key
                from {{ edges }} as edges
                inner join {{ delta.added }} as added
                    on least(edges.left_key, edges.right_key) = added.low
                    and greatest(edges.left_key, edges.right_key) = added.high
            )
            {{ components_ids('news') }}
        {%- endif %}
    {% endcall %}
    {{ return(ends) }}
{% endmacro %}

{# The query of the ids in keyed edges, each once (node_key, node_id). #}
{% macro components_ids(edges) %}
    select lefts.left_key as node_key, lefts.left_id as node_id from {{ edges }} as lefts
    union
    select rights.right_key, rights.right_id from {{ edges }} as rights
{% endmacro %}


{#
    The touched nodes that are there. A batch names all that it touches, and they are looked up by
    name: to hash every node that is there would cost more than all else. Edges that are gone from a
    comparison have no names left.
#}
{% macro components_known(target_relation, ends, delta, is_text) %}
    {%- set known = components_work_table('known') -%}
    {%- set key = components_key('nodes.node_id', is_text) -%}
    {% call components_create(known) %}
        {%- if config.get('incremental') == 'changes' %}
            select
                ends.node_key,
                ends.node_id,
                nodes.component_id,
                {{ components_key('nodes.component_id', is_text) }} as super_key
            from {{ target_relation }} as nodes
            inner join {{ components_few(ends) }} as ends on nodes.node_id = ends.node_id
        {%- else %}
            with touched as (
                select ends.node_key from {{ ends }} as ends
                union
                select removed.low from {{ delta.removed }} as removed
            )
            select
                touched.node_key,
                nodes.node_id,
                nodes.component_id,
                {{ components_key('nodes.component_id', is_text) }} as super_key
            from {{ target_relation }} as nodes
            inner join touched on {{ key }} = touched.node_key
        {%- endif %}
    {% endcall %}
    {{ return(known) }}
{% endmacro %}


{#
    Where an edge was lost:
      lost        the components that lost one (component_id)
      residents   the nodes of these (node_key, node_id)
      names       these and the ends of new edges (node_key, node_id)
      rest        the edges that are new, or left in those (low, high, numbered)
      supers      the known nodes of other components
#}
{% macro components_losses(target_relation, state, ends, delta, known, is_text) %}
    {%- set lost = components_work_table('lost') -%}
    {%- set residents = components_work_table('residents') -%}
    {%- set names = components_work_table('names') -%}
    {%- set rest = components_work_table('rest') -%}
    {%- set supers = components_work_table('supers') -%}
    {% call components_create(lost) %}
        select distinct known.component_id
        from {{ known }} as known
        inner join {{ delta.removed }} as removed on known.node_key = removed.low
    {% endcall %}
    {% call components_create(residents) %}
        select {{ components_key('nodes.node_id', is_text) }} as node_key, nodes.node_id
        from {{ target_relation }} as nodes
        inner join {{ lost }} as lost on nodes.component_id = lost.component_id
    {% endcall %}
    {% call components_create(names) %}
        select residents.node_key, residents.node_id from {{ residents }} as residents
        union
        select ends.node_key, ends.node_id from {{ ends }} as ends
    {% endcall %}
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
        select known.node_key, known.component_id, known.super_key
        from {{ known }} as known
        left join {{ lost }} as lost on known.component_id = lost.component_id
        where lost.component_id is null
    {% endcall %}
    {{ return({
        'lost': lost, 'residents': residents, 'names': names, 'rest': rest, 'supers': supers
    }) }}
{% endmacro %}


{#
    What takes part (node_key, node_id, is_component): a component that lost nothing as its label, the
    nodes of the others by themselves.
#}
{% macro components_taking_part(scope) %}
    {%- set nodes = components_work_table('nodes') -%}
    {% call components_create(nodes) %}
        with ends as (
            select rest.low as node_key from {{ scope.rest }} as rest
            union
            select rest.high from {{ scope.rest }} as rest
        )
        select distinct supers.super_key as node_key, supers.component_id as node_id, 1 as is_component
        from {{ scope.supers }} as supers
        union all
        select names.node_key, names.node_id, 0 as is_component
        from {{ scope.names }} as names
        inner join ends on names.node_key = ends.node_key
        left join {{ scope.supers }} as supers on names.node_key = supers.node_key
        where supers.node_key is null
    {% endcall %}
    {{ return(nodes) }}
{% endmacro %}
