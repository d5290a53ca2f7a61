{#
    The rounds behind the connected_components materialization: hook, jump, contract, unwind.

    In every round each node hooks to its smallest neighbour if that is smaller than itself (parents
    only ever decrease, so hooks form trees), pointers jump until each hooked node points at its
    tree's root, and edges are rewritten to roots. A hooked node never appears again, so the edges
    left over shrink until none are; at the end the rounds' maps are composed, the smallest first.
    A chain takes a number of rounds that grows with the logarithm of its length.

    The shape is that of Borůvka (1926) and of Shiloach and Vishkin (1982, "An O(log n) parallel
    connectivity algorithm"). Each hook is a merge, and the edge it followed is the one responsible.
#}

{#
    From pairs (low, high and, for the forest, edge), self-loops allowed: `roots`, the relation
    (node, root) of every node that is not its own root, and `forest`, a query of responsible edges.
#}
{% macro components_roots_of(pairs, with_forest) %}
    {%- set round_limit = config.get('max_rounds', 60) -%}
    {%- set state = namespace(pairs=pairs, rounds=0, is_done=false) -%}
    {%- set maps = [] -%}
    {%- set forest = [] -%}

    {% for _ in range(round_limit + 1) %}
        {% if components_is_empty(state.pairs, 'low <> high') %}
            {%- set state.is_done = true -%}
        {% endif %}
        {% if state.is_done or loop.last %}
            {% break %}
        {% endif %}
        {%- set state.rounds = loop.index -%}
        {%- set hooks = components_work_table('hooks_' ~ state.rounds) -%}
        {%- set contracted = components_work_table('pairs_' ~ state.rounds) -%}

        {% call components_create(hooks) %}
            select
                pairs.high as node,
                min(pairs.low) as parent
                {{ ', ' ~ components_first('pairs.edge', 'pairs.low') ~ ' as edge' if with_forest }}
            from {{ state.pairs }} as pairs
            where pairs.low <> pairs.high
            group by pairs.high
        {% endcall %}
        {%- set roots = components_jump(hooks, state.rounds) -%}
        {% call components_create(contracted) %}
            select
                least(rewritten.one, rewritten.other) as low,
                greatest(rewritten.one, rewritten.other) as high
                {{ ', min(rewritten.edge) as edge' if with_forest }}
            from (
                select
                    coalesce(lows.root, pairs.low) as one,
                    coalesce(highs.root, pairs.high) as other
                    {{ ', pairs.edge' if with_forest }}
                from {{ state.pairs }} as pairs
                left join {{ roots }} as lows on pairs.low = lows.node
                left join {{ roots }} as highs on pairs.high = highs.node
            ) as rewritten
            where rewritten.one <> rewritten.other
            group by 1, 2
        {% endcall %}
        {% do maps.append(roots) %}
        {% do forest.append('select hooks.edge from ' ~ hooks ~ ' as hooks') %}
        {%- set state.pairs = contracted -%}
    {% endfor %}

    {% if not state.is_done %}
        {% do exceptions.raise_compiler_error(
            'connected_components: ' ~ model.unique_id ~ ' has not converged after ' ~ round_limit
            ~ ' rounds; nothing was published, the table of the last run stands'
        ) %}
    {% endif %}
    {{ return({
        'roots': components_unwind(pairs, maps),
        'forest': forest | join(' union all ') if forest else 'select 0 as edge where 1 = 0',
    }) }}
{% endmacro %}


{# Composes the rounds' maps from the last, which is the smallest, to the first, two at a time. #}
{% macro components_unwind(pairs, maps) %}
    {% if not maps %}
        {%- set nothing = components_work_table('unwound_0') -%}
        {% call components_create(nothing) %}
            select pairs.high as node, pairs.low as root from {{ pairs }} as pairs where 1 = 0
        {% endcall %}
        {{ return(nothing) }}
    {% endif %}
    {%- set state = namespace(final=maps[-1]) -%}
    {% for two in maps[:-1] | reverse | batch(2) %}
        {%- set final = components_work_table('unwound_' ~ loop.index) -%}
        {%- set later = two[0] -%}
        {% call components_create(final) %}
            select rounds.node, coalesce(final.root, rounds.root) as root
            from (
                select later.node, later.root
                from {{ later }} as later
                {%- for earlier in two[1:] %}
                union all
                select earlier.node, coalesce(later.root, earlier.root) as root
                from {{ earlier }} as earlier
                left join {{ later }} as later on earlier.root = later.node
                {%- endfor %}
            ) as rounds
            left join {{ state.final }} as final on rounds.root = final.node
            union all
            select final.node, final.root
            from {{ state.final }} as final
        {% endcall %}
        {%- set state.final = final -%}
    {% endfor %}
    {{ return(state.final) }}
{% endmacro %}
