{#
    materialized='guarded_components'

    Takes components of a graph apart until each part obeys the rules of what one person may be, and
    says which evidence had to go. The model's SQL yields links from a record, `left_id`, to an
    identifier or another record, `right_id` (text): `is_decided` (1: a human said so, never refused;
    such a link may join identifiers), `priority` (the lowest is believed first) and `strength` (1 is
    the strongest; no two alike). The model named in the config `counts` says which nodes count by
    which rule: `node_id`, `rule`, `reason` (given for what is refused) and `most` (so many may be together).

    Built: one row per link, with `left_component_id` and `right_component_id`, the smallest node_id
    of the part that each end came into, and `refusal_reason`, null where the link holds.

    Links are taken as if one by one, the strongest first, and one that would bring together more
    than a rule allows is refused (Kruskal's algorithm under constraints). One by one would never
    end, so each round tries all that is open at once and halves what it tries where that is too
    much; parts that may not meet lose all links between them at once. Then a part of which too few
    pairs of records have anything in common (the config `least_density`) is taken apart as well,
    its weakest links first. More than `max_links` links
    (two million) are an error that names what glues them together. What is open after
    `max_tries` rounds is refused as too_tangled. The table that stood before is replaced in the last
    step.
#}
{% materialization guarded_components, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set built = make_intermediate_relation(target_relation) -%}
    {%- set backup = make_backup_relation(target_relation, 'table') -%}

    {% do guard_drop_tables() %}
    {% do components_drop_working_tables() %}
    {{ drop_relation_if_exists(load_cached_relation(built)) }}
    {{ drop_relation_if_exists(load_cached_relation(backup)) }}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set links = guard_table('links') -%}
    {%- set nodes = guard_table('nodes') -%}
    {% call components_create(links) %}
        {{ sql }}
    {% endcall %}
    {% do guard_check_size(links) %}
    {% call components_create(nodes) %}
        select ends.node_id, row_number() over () as part
        from (
            select links.left_id as node_id from {{ links }} as links
            union
            select links.right_id from {{ links }} as links
        ) as ends
    {% endcall %}
    {%- set refused = guard_refused_links(links, nodes) -%}
    {%- set labels = guard_labels(links, nodes, refused) -%}

    {% call statement('main') %}
        create table {{ built }} as
        select
            links.left_id,
            links.right_id,
            lefts.component_id as left_component_id,
            rights.component_id as right_component_id,
            refused.reason as refusal_reason
        from {{ links }} as links
        inner join {{ labels }} as lefts on links.left_id = lefts.node_id
        inner join {{ labels }} as rights on links.right_id = rights.node_id
        left join {{ refused }} as refused on links.strength = refused.strength
    {% endcall %}
    {% do guard_drop_tables() %}
    {% do components_drop_working_tables() %}

    {% if existing is not none %}
        {% do adapter.rename_relation(existing, backup) %}
    {% endif %}
    {% do adapter.rename_relation(built, target_relation) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ drop_relation_if_exists(backup) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# The connected components of the pairs (low, high) that a query yields, as (node, root) of every
   node but the roots. #}
{% macro guard_roots(query) %}
    {% do components_drop_working_tables() %}
    {%- set pairs = components_work_table('pairs') -%}
    {% call components_create(pairs) %} {{ query }} {% endcall %}
    {{ return(components_roots_of(pairs, false).roots) }}
{% endmacro %}


{# Hours of work for a graph in which nobody is told apart: what glues it together has to go first. #}
{% macro guard_check_size(links) %}
    {%- set most = config.get('max_links', 2000000) -%}
    {%- set count = run_query('select count(*) from ' ~ links).rows[0][0] -%}
    {% if count > most %}
        {%- set hub = run_query(
            'select right_id, count(*) from ' ~ links ~ ' group by right_id order by 2 desc, 1 limit 1'
        ).rows[0] -%}
        {% do exceptions.raise_compiler_error(
            model.unique_id ~ ': ' ~ count ~ ' pieces of evidence hang together in components that break a '
            ~ 'rule, more than its max_links of ' ~ most ~ '; the people of the last run stand. Most hang '
            ~ 'on one ' ~ hub[0].split(':')[0] ~ ' (identifier_key ' ~ local_md5(hub[0])[:8] ~ '…, on '
            ~ hub[1] ~ ' records): add it to blocked, or a common_above to its type, in '
            ~ 'dbt_project.yml, vars.identifier_types.'
        ) %}
    {% endif %}
{% endmacro %}


{% macro guard_table(name) %}
    {{ return(components_table_in(
        components_work_schema(), this.identifier[:30] ~ '__guard_' ~ name
    )) }}
{% endmacro %}

{% macro guard_drop_tables() %}
    {%- set prefix = guard_table('').identifier -%}
    {%- set schema = components_work_schema() -%}
    {%- set drops = [] -%}
    {% for name in components_table_names(schema) if name.startswith(prefix) %}
        {% do drops.append('drop table if exists ' ~ components_table_in(schema, name)) %}
    {% endfor %}
    {% do components_run_all(drops) %}
{% endmacro %}
