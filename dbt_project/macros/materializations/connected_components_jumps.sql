{# The pointer jumping in a round of the connected_components materialization. #}

{#
    The relation (node, root) of every hooked node and the root of its tree. Only nodes whose parent
    is hooked as well have a way to go; of the others only those are needed that they meet on it.
    The first step takes three hops, which is as high as most trees are, each later one four times as many.
#}
{% macro components_jump(hooks, round) %}
    {%- set jump_limit = config.get('max_jumps', 40) -%}
    {%- set state = namespace(chase=components_work_table('chase_' ~ round ~ '_0'), settled=false) -%}
    {%- set roots = components_work_table('roots_' ~ round) -%}
    {% call components_create(state.chase) %}
        with moving as (
            select
                hooks.node,
                coalesce(grandparents.parent, parents.parent) as parent,
                case when grandparents.parent is null then 0 else 1 end as has_moved
            from {{ hooks }} as hooks
            inner join {{ hooks }} as parents on hooks.parent = parents.node
            left join {{ hooks }} as grandparents on parents.parent = grandparents.node
        )
        select moving.node, moving.parent, moving.has_moved
        from moving
        union all
        select hooks.node, hooks.parent, 0 as has_moved
        from {{ hooks }} as hooks
        where
            exists (select 1 from moving where moving.parent = hooks.node)
            and not exists (select 1 from moving where moving.node = hooks.node)
    {% endcall %}

    {% for _ in range(jump_limit) %}
        {% if components_is_empty(state.chase, 'has_moved = 1') %}
            {%- set state.settled = true -%}
            {% break %}
        {% endif %}
        {%- set chase = components_work_table('chase_' ~ round ~ '_' ~ loop.index) -%}
        {% call components_create(chase) %}
            select
                firsts.node,
                coalesce(fourths.parent, thirds.parent, seconds.parent, firsts.parent) as parent,
                case when fourths.parent is null then 0 else 1 end as has_moved
            from {{ state.chase }} as firsts
            left join {{ state.chase }} as seconds on firsts.parent = seconds.node
            left join {{ state.chase }} as thirds on seconds.parent = thirds.node
            left join {{ state.chase }} as fourths on thirds.parent = fourths.node
        {% endcall %}
        {%- set state.chase = chase -%}
    {% endfor %}

    {% if not state.settled %}
        {% do exceptions.raise_compiler_error(
            'connected_components: ' ~ model.unique_id ~ ' has pointers that still move after '
            ~ jump_limit ~ ' jumps; nothing was published, the table of the last run stands'
        ) %}
    {% endif %}
    {% call components_create(roots) %}
        select hooks.node, coalesce(jumped.parent, hooks.parent) as root
        from {{ hooks }} as hooks
        left join {{ state.chase }} as jumped on hooks.node = jumped.node
    {% endcall %}
    {{ return(roots) }}
{% endmacro %}
