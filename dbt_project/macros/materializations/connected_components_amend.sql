{#
    A partial run of the connected_components materialization.

    A component that lost an edge is resolved anew from the edges it has left. Any other that a new
    edge touches takes part as a single node, its label, so its edges are not read and its rows are
    rewritten only if it got another label.
#}
{% macro components_amend(target_relation, sql) %}
    {%- set input = components_check_input(sql, may_delete=config.get('incremental') == 'changes') -%}
    {%- set is_text = input.is_text -%}
    {%- set with_forest = config.get('forest') -%}
    {%- set state = components_beside(target_relation, 'edges') -%}
    {%- set edges = components_keyed_edges(sql, is_text, false, input.deletes) -%}
    {%- set delta = components_delta(edges, state, input.deletes) -%}
    {% if components_is_empty(delta.added) and components_is_empty(delta.removed) %}
        {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED') %}{% endcall %}
        {{ return('') }}
    {% endif %}
    {%- set scope = components_scope(target_relation, edges, state, delta, is_text) -%}
    {%- set pairs = components_work_table('pairs') -%}
    {% call components_create(pairs) %}
        select
            least(coalesce(lows.super_key, rest.low), coalesce(highs.super_key, rest.high)) as low,
            greatest(coalesce(lows.super_key, rest.low), coalesce(highs.super_key, rest.high)) as high
            {{ ', min(rest.edge) as edge' if with_forest }}
        from {{ scope.rest }} as rest
        left join {{ scope.supers }} as lows on rest.low = lows.node_key
        left join {{ scope.supers }} as highs on rest.high = highs.node_key
        group by 1, 2
    {% endcall %}
    {%- set found = components_roots_of(pairs, with_forest) -%}
    {%- set members = components_work_table('members') -%}
    {%- set query = components_members(scope.nodes, found.roots, is_text, ['is_component']) -%}
    {% call components_create(members) %}{{ query }}{% endcall %}

    {%- set responsible -%}
        select lefts.node_id as left_id, rights.node_id as right_id
        from {{ scope.rest }} as rest
        inner join {{ scope.names }} as lefts on rest.low = lefts.node_key
        inner join {{ scope.names }} as rights on rest.high = rights.node_key
        where rest.edge in ({{ found.forest }})
    {%- endset -%}
    {% do components_write(target_relation, {
        'members': members,
        'lost': scope.lost,
        'residents': scope.residents,
        'added': delta.added,
        'removed': delta.removed,
        'forest': responsible if with_forest,
    }) %}
    {% do components_check_output(target_relation) %}
{% endmacro %}


{# The relations `added` and `removed` (low, high): what the edges say that the state does not. #}
{% macro components_delta(edges, state, deletes) %}
    {%- set said = components_work_table('said') -%}
    {%- set added = components_work_table('added') -%}
    {%- set removed = components_work_table('removed') -%}
    {%- set holds = 'min(case when edges.is_deleted then 1 else 0 end)' if deletes else '0' -%}
    {% call components_create(said) %}
        select
            least(edges.left_key, edges.right_key) as low,
            greatest(edges.left_key, edges.right_key) as high,
            {{ holds }} as is_gone
        from {{ edges }} as edges
        group by 1, 2
    {% endcall %}
    {% call components_create(added) %}
        select said.low, said.high
        from {{ said }} as said
        left join {{ state }} as state on said.low = state.low and said.high = state.high
        where said.is_gone = 0 and state.low is null
    {% endcall %}
    {% call components_create(removed) %}
        select state.low, state.high
        from {{ state }} as state
        {% if config.get('incremental') == 'changes' %}
            inner join {{ said }} as said on state.low = said.low and state.high = said.high
            where said.is_gone = 1
        {% else %}
            left join {{ said }} as said on state.low = said.low and state.high = said.high
            where said.low is null
        {% endif %}
    {% endcall %}
    {{ return({'added': added, 'removed': removed}) }}
{% endmacro %}


{#
    What has to be looked at:
      lost        the components that lost an edge (component_id)
      rest        the edges that are new, or left in those (edge, low, high)
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
        select {{ components_number() }} as edge, listed.low, listed.high
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
