{# What the guarded_components materialization starts from, and what it comes to. #}

{# The relation (strength, reason) of the links that must go. #}
{% macro guard_refused_links(links, nodes) %}
    {%- set round_limit = config.get('max_tries', 48) -%}
    {%- set state = guard_start(links, nodes) -%}

    {% for _ in range(round_limit) %}
        {% if components_is_empty(state.open) %}
            {% break %}
        {% endif %}
        {% do guard_round(state, loop.index) %}
    {% endfor %}

    {%- set by_rule = guard_table('refused_by_rule') -%}
    {% call components_create(by_rule) %}
        with all_refused as (
            {% for relation in state.refused %}
            select strength, reason from {{ relation }}
            union all
            {% endfor %}
            select strength, 'too_tangled' as reason from {{ state.open }}
        ),
        -- What would have joined more than a person can be is not this or that person's: all that
        -- hangs on such a value goes.
        hubs as (
            select distinct links.right_id
            from {{ links }} as links
            inner join all_refused on links.strength = all_refused.strength
            where all_refused.reason in ('too_large', 'too_tangled')
        )
        select links.strength, coalesce(all_refused.reason, 'too_large') as reason
        from {{ links }} as links
        left join all_refused on links.strength = all_refused.strength
        left join hubs on links.right_id = hubs.right_id
        where
            links.is_decided = 0
            and (all_refused.strength is not null or hubs.right_id is not null)
    {% endcall %}
    {%- set sparse = guard_sparse_links(links, nodes, by_rule) -%}
    {%- set refused = guard_table('refused') -%}
    {% call components_create(refused) %}
        select by_rule.strength, by_rule.reason from {{ by_rule }} as by_rule
        union all
        select sparse.strength, 'sparse' as reason from {{ sparse }} as sparse
    {% endcall %}
    {{ return(refused) }}
{% endmacro %}


{# Before the first round: what humans linked is one part each, every other node one by itself. #}
{% macro guard_start(links, nodes) %}
    {%- set open = guard_table('open_0') -%}
    {%- set tallies = guard_table('tallies_0') -%}
    {%- set roots = guard_roots(guard_pairs(links, nodes) ~ ' where links.is_decided = 1') -%}
    {% call components_create(open) %}
        select
            links.strength,
            coalesce(left_roots.root, lefts.part) as one,
            coalesce(right_roots.root, rights.part) as other,
            1 as is_tried
        from {{ links }} as links
        inner join {{ nodes }} as lefts on links.left_id = lefts.node_id
        inner join {{ nodes }} as rights on links.right_id = rights.node_id
        left join {{ roots }} as left_roots on lefts.part = left_roots.node
        left join {{ roots }} as right_roots on rights.part = right_roots.node
        where links.is_decided = 0
    {% endcall %}
    {% call components_create(tallies) %}
        select
            coalesce(roots.root, nodes.part) as part,
            counts.rule,
            counts.reason,
            counts.most,
            count(*) as tally
        from {{ ref(config.require('counts')) }} as counts
        inner join {{ nodes }} as nodes on counts.node_id = nodes.node_id
        left join {{ roots }} as roots on nodes.part = roots.node
        group by 1, 2, 3, 4
    {% endcall %}
    {{ return(namespace(open=open, tallies=tallies, refused=[])) }}
{% endmacro %}


{# The query (low, high) of the ends of links by their numbers; open for a condition behind it. #}
{% macro guard_pairs(links, nodes) %}
    {%- set query -%}
        select distinct
            least(lefts.part, rights.part) as low,
            greatest(lefts.part, rights.part) as high
        from {{ links }} as links
        inner join {{ nodes }} as lefts on links.left_id = lefts.node_id
        inner join {{ nodes }} as rights on links.right_id = rights.node_id
    {%- endset -%}
    {{ return(query) }}
{% endmacro %}


{# The relation (node_id, component_id) of what the links that hold bring together. #}
{% macro guard_labels(links, nodes, refused) %}
    {%- set labels = guard_table('labels') -%}
    {%- set holding -%}
        {{ guard_pairs(links, nodes) }}
        left join {{ refused }} as refused on links.strength = refused.strength
        where refused.strength is null
    {%- endset -%}
    {%- set roots = guard_roots(holding) -%}
    {% call components_create(labels) %}
        with rooted as (
            select nodes.node_id, coalesce(roots.root, nodes.part) as root
            from {{ nodes }} as nodes
            left join {{ roots }} as roots on nodes.part = roots.node
        ),
        leaders as (
            select rooted.root, {{ components_smallest('rooted.node_id', true) }} as component_id
            from rooted
            group by rooted.root
        )
        select rooted.node_id, leaders.component_id
        from rooted
        inner join leaders on rooted.root = leaders.root
    {% endcall %}
    {{ return(labels) }}
{% endmacro %}
