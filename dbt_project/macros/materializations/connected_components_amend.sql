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
    {%- set ends = components_ends(edges, delta) -%}
    {%- set known = components_known(target_relation, ends, delta, is_text) -%}
    {% do components_check_strangers(target_relation, edges, ends, known, state) %}
    {%- set loses = not components_is_empty(delta.removed) -%}
    {% if not loses and components_is_empty(delta.added) %}
        {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED') %}{% endcall %}
        {{ return('') }}
    {% endif %}
    {%- set scope = {'supers': known, 'names': ends, 'rest': delta.added} -%}
    {% if loses %}
        {% do scope.update(components_losses(target_relation, state, ends, delta, known, is_text)) %}
    {% endif %}
    {%- set nodes = components_taking_part(scope) -%}
    {%- set pairs = components_work_table('pairs') -%}
    {% call components_create(pairs) %}
        select
            least(coalesce(lows.super_key, rest.low), coalesce(highs.super_key, rest.high)) as low,
            greatest(coalesce(lows.super_key, rest.low), coalesce(highs.super_key, rest.high)) as high
            {{ ', min(' ~ components_number('rest') ~ ') as edge' if with_forest }}
        from {{ scope.rest }} as rest
        left join {{ scope.supers }} as lows on rest.low = lows.node_key
        left join {{ scope.supers }} as highs on rest.high = highs.node_key
        group by 1, 2
    {% endcall %}
    {%- set found = components_roots_of(pairs, with_forest) -%}
    {%- set members = components_work_table('members') -%}
    {%- set query = components_members(nodes, found.roots, is_text, ['is_component'], are_many=false) -%}
    {% call components_create(members) %}{{ query }}{% endcall %}

    {%- set responsible -%}
        select lefts.node_id as left_id, rights.node_id as right_id
        from {{ scope.rest }} as rest
        inner join {{ scope.names }} as lefts on rest.low = lefts.node_key
        inner join {{ scope.names }} as rights on rest.high = rights.node_key
        where {{ components_number('rest') }} in ({{ found.forest }})
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
        select said.low, said.high {{ components_numbered() }}
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
