{# One round of the guarded_components materialization: refuse, try, merge what may be one. #}
{% macro guard_round(state, number) %}
    {%- set refused = guard_table('refused_' ~ number) -%}
    {%- set tried = guard_table('tried_' ~ number) -%}
    {%- set crowded = guard_table('crowded_' ~ number) -%}
    {%- set open = guard_table('open_' ~ number) -%}
    {%- set tallies = guard_table('tallies_' ~ number) -%}

    {# Two parts that are too much together stay too much, for parts only ever grow. #}
    {% call components_create(refused) %}
        select sums.strength, min(sums.reason) as reason
        from (
            select ends.strength, tallies.rule, min(tallies.reason) as reason
            from (
                select open.strength, open.one as part from {{ state.open }} as open
                union all
                select open.strength, open.other from {{ state.open }} as open
            ) as ends
            inner join {{ state.tallies }} as tallies on ends.part = tallies.part
            group by ends.strength, tallies.rule, tallies.most
            having sum(tallies.tally) > tallies.most and count(*) > 1
        ) as sums
        group by sums.strength
    {% endcall %}
    {%- set pairs -%}
        select distinct
            least(open.one, open.other) as low,
            greatest(open.one, open.other) as high
        from {{ state.open }} as open
        left join {{ refused }} as refused on open.strength = refused.strength
        where open.is_tried = 1 and refused.strength is null
    {%- endset -%}
    {%- set roots = guard_roots(pairs) -%}
    {% call components_create(tried) %}
        select node as part, root from {{ roots }}
        union
        select root as part, root from {{ roots }}
    {% endcall %}
    {# What was too much before, because a human linked it, may still grow by what does not count. #}
    {% call components_create(crowded) %}
        select distinct sums.root
        from (
            select tried.root, tallies.rule
            from {{ tried }} as tried
            inner join {{ state.tallies }} as tallies on tried.part = tallies.part
            group by tried.root, tallies.rule, tallies.most
            having sum(tallies.tally) > tallies.most and count(*) > 1
        ) as sums
    {% endcall %}
    {% call components_create(tallies) %}
        select
            coalesce(merged.root, tallies.part) as part,
            tallies.rule,
            tallies.reason,
            tallies.most,
            sum(tallies.tally) as tally
        from {{ state.tallies }} as tallies
        left join ({{ guard_merged(tried, crowded) }}) as merged on tallies.part = merged.part
        group by 1, 2, 3, 4
    {% endcall %}
    {% call components_create(open) %}
        with merged as (
            {{ guard_merged(tried, crowded) }}
        ),
        moved as (
            select
                open.strength,
                open.is_tried,
                tried.root,
                coalesce(ones.root, open.one) as one,
                coalesce(others.root, open.other) as other
            from {{ state.open }} as open
            left join {{ refused }} as refused on open.strength = refused.strength
            left join merged as ones on open.one = ones.part
            left join merged as others on open.other = others.part
            left join {{ tried }} as tried
                on case when open.is_tried = 1 then open.one end = tried.part
            where refused.strength is null
        ),
        ranked as (
            select
                moved.*,
                crowded.root as crowded_root,
                row_number() over (
                    partition by moved.is_tried, moved.root order by moved.strength
                ) as position,
                count(*) over (partition by moved.is_tried, moved.root) as size
            from moved
            left join {{ crowded }} as crowded on moved.root = crowded.root
            where moved.one <> moved.other
        )
        select
            ranked.strength,
            ranked.one,
            ranked.other,
            case
                when not exists (select 1 from {{ crowded }}) then 1
                when ranked.crowded_root is not null and ranked.position * 2 <= ranked.size then 1
                else 0
            end as is_tried
        from ranked
    {% endcall %}

    {% do state.refused.append(refused) %}
    {# A giant has many rounds: what was read is let go. #}
    {%- set drops = [] -%}
    {% for relation in [state.open, state.tallies, tried, crowded] %}
        {% do drops.append('drop table if exists ' ~ relation) %}
    {% endfor %}
    {% do components_run_all(drops) %}
    {% do guard_replace(state, open, tallies) %}
{% endmacro %}


{# The parts that were tried and may be one: (part, root). #}
{% macro guard_merged(tried, crowded) %}
    select tried.part, tried.root
    from {{ tried }} as tried
    left join {{ crowded }} as crowded on tried.root = crowded.root
    where crowded.root is null
{% endmacro %}

{% macro guard_replace(state, open, tallies) %}
    {%- set state.open = open -%}
    {%- set state.tallies = tallies -%}
{% endmacro %}
