{#
    The relation (strength) of the links that hold a part together in which too few records have
    anything in common: of all pairs of its records less than `least_density` share an identifier or
    are a link themselves. Parts of under four records, which a chain of two links holds, are let be.

    Such a part loses its links of the lowest priority; where all are of one, the weaker half. What
    is left falls into parts, which are judged in turn. In the end every link within a part is taken
    back, for it joins nothing, and an identifier that no part holds goes to the record of its
    strongest link. What a human linked stays.
#}
{% macro guard_sparse_links(links, nodes, refused) %}
    {%- set round_limit = config.get('max_tries', 48) -%}
    {%- set all_held = guard_table('held_0') -%}
    {% call components_create(all_held) %}
        select
            links.strength,
            links.priority,
            links.is_decided,
            lefts.part as one,
            rights.part as other
        from {{ links }} as links
        inner join {{ nodes }} as lefts on links.left_id = lefts.node_id
        inner join {{ nodes }} as rights on links.right_id = rights.node_id
        left join {{ refused }} as refused on links.strength = refused.strength
        where refused.strength is null
    {% endcall %}
    {%- set state = namespace(held=all_held, parts=none, is_done=false) -%}
    {% for _ in range(round_limit) %}
        {%- set state.parts = guard_parts(nodes, state.held, loop.index) -%}
        {%- set sparse = guard_sparse_parts(state.held, state.parts, loop.index) -%}
        {% if components_is_empty(sparse) %}
            {%- set state.is_done = true -%}
            {% break %}
        {% endif %}
        {%- set held = guard_table('held_' ~ loop.index) -%}
        {% call components_create(held) %}
            select ranked.strength, ranked.priority, ranked.is_decided, ranked.one, ranked.other
            from (
                select
                    held.*,
                    sparse.lowest,
                    sparse.highest,
                    sparse.size,
                    row_number() over (
                        partition by parts.root, held.is_decided order by held.strength
                    ) as position
                from {{ state.held }} as held
                inner join {{ state.parts }} as parts on held.one = parts.part
                left join {{ sparse }} as sparse on parts.root = sparse.root
            ) as ranked
            where
                ranked.size is null
                or ranked.is_decided = 1
                or (ranked.lowest > ranked.highest and ranked.priority < ranked.lowest)
                or (ranked.lowest = ranked.highest and ranked.position * 2 <= ranked.size)
        {% endcall %}
        {%- set state.held = held -%}
    {% endfor %}
    {% if not state.is_done %}
        {% do exceptions.raise_compiler_error(
            model.unique_id ~ ': parts of too little density are left after ' ~ round_limit
            ~ ' tries; nothing was published'
        ) %}
    {% endif %}

    {%- set sparse_links = guard_table('sparse_links') -%}
    {% call components_create(sparse_links) %}
        with apart as (
            select
                held.strength,
                rights.size as right_size,
                row_number() over (partition by held.other order by held.strength) as position
            from {{ all_held }} as held
            inner join {{ state.parts }} as lefts on held.one = lefts.part
            inner join {{ state.parts }} as rights on held.other = rights.part
            where lefts.root <> rights.root
        )
        select apart.strength from apart
        where apart.right_size > 1 or apart.position > 1
    {% endcall %}
    {{ return(sparse_links) }}
{% endmacro %}
