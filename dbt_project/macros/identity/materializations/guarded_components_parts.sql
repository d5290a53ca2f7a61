{# For guarded_components: the parts that links hold together, and which of them are sparse. #}

{# The relation (part, root, size) of nodes by their numbers: the part of each, and its size. #}
{% macro guard_parts(nodes, held, number) %}
    {%- set parts = guard_table('parts_' ~ number) -%}
    {%- set pairs -%}
        select distinct least(held.one, held.other) as low, greatest(held.one, held.other) as high
        from {{ held }} as held
    {%- endset -%}
    {%- set roots = guard_roots(pairs) -%}
    {% call components_create(parts) %}
        with rooted as (
            select nodes.part, coalesce(roots.root, nodes.part) as root
            from {{ nodes }} as nodes
            left join {{ roots }} as roots on nodes.part = roots.node
        )
        select rooted.part, rooted.root, count(*) over (partition by rooted.root) as size
        from rooted
    {% endcall %}
    {{ return(parts) }}
{% endmacro %}


{# The relation (root, lowest, highest, size): sparse parts, their links' priorities and count. #}
{% macro guard_sparse_parts(held, parts, number) %}
    {%- set sparse = guard_table('sparse_' ~ number) -%}
    {% call components_create(sparse) %}
        with placed as (
            select parts.root, held.one, held.other, held.priority
            from {{ held }} as held
            inner join {{ parts }} as parts on held.one = parts.part
            where held.is_decided = 0
        ),
        links as (
            select placed.root as part, placed.one as record, placed.other as shared
            from placed
        ),
        densities as (
            {{ record_density('links') | indent(12) }}
        ),
        sizes as (
            select
                placed.root,
                max(placed.priority) as lowest,
                min(placed.priority) as highest,
                count(*) as size
            from placed
            group by placed.root
        )
        select sizes.root, sizes.lowest, sizes.highest, sizes.size
        from sizes
        inner join densities on sizes.root = densities.part
        where densities.density < {{ config.require('least_density') }}
    {% endcall %}
    {{ return(sparse) }}
{% endmacro %}
