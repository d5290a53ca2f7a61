{#
    How a partial run of the connected_components materialization changes what is there.
      members      node_id, component_id, is_component; a component's node_id is the label it had
      lost         component_id of those that are replaced by what members says of their nodes
      residents    node_id of these nodes
      added        low, high
      removed      low, high
      forest       the query of edges (left_id, right_id) to add to the forest; none without one
#}
{% macro components_write(target_relation, change) %}
    {{ return(adapter.dispatch('components_write')(target_relation, change)) }}
{% endmacro %}

{% macro default__components_write(target_relation, change) %}
    {%- set edges = components_beside(target_relation, 'edges') -%}
    {% if change.lost %}
        {% call statement('components_delete') %}
            delete from {{ target_relation }}
            where component_id in (select lost.component_id from {{ change.lost }} as lost)
        {% endcall %}
        {% call statement('components_delete') %}
            delete from {{ edges }} as pairs
            where exists (
                select 1 from {{ change.removed }} as removed
                where removed.low = pairs.low and removed.high = pairs.high
            )
        {% endcall %}
    {% endif %}
    {% do components_relabel(target_relation, change.members) %}
    {% call statement('main') %}
        insert into {{ target_relation }} (node_id, component_id)
        select members.node_id, members.component_id
        from {{ change.members }} as members
        where members.is_component = 0
    {% endcall %}
    {% call statement('components_insert') %}
        insert into {{ edges }} (low, high)
        select added.low, added.high from {{ change.added }} as added
    {% endcall %}
    {% if change.forest %}
        {%- set forest = components_forest(target_relation) -%}
        {% if change.lost %}
            {% call statement('components_delete') %}
                delete from {{ forest }}
                where left_id in (select residents.node_id from {{ change.residents }} as residents)
            {% endcall %}
        {% endif %}
        {% call statement('components_insert') %}
            insert into {{ forest }} (left_id, right_id) {{ change.forest }}
        {% endcall %}
    {% endif %}
{% endmacro %}


{# Gives the components that `members` names another for their label their rows anew. #}
{% macro components_relabel(target_relation, members) %}
    {{ return(adapter.dispatch('components_relabel')(target_relation, members)) }}
{% endmacro %}

{% macro default__components_relabel(target_relation, members) %}
    {% call statement('components_update') %}
        update {{ target_relation }} as nodes
        set component_id = members.component_id
        from {{ members }} as members
        where
            members.is_component = 1
            and members.node_id <> members.component_id
            and nodes.component_id = members.node_id
    {% endcall %}
{% endmacro %}

{#
    DuckDB writes a column anew wherever a row of it is updated, and only marks what is deleted. A label
    that is given is never one that is taken, for it is the smallest of its own component already.
#}
{% macro duckdb__components_relabel(target_relation, members) %}
    {%- set changed = "members.is_component = 1 and members.node_id <> members.component_id" -%}
    {% call statement('components_insert') %}
        insert into {{ target_relation }} (node_id, component_id)
        select nodes.node_id, members.component_id
        from {{ target_relation }} as nodes
        inner join {{ members }} as members on nodes.component_id = members.node_id
        where {{ changed }}
    {% endcall %}
    {% call statement('components_delete') %}
        delete from {{ target_relation }}
        where component_id in (select members.node_id from {{ members }} as members where {{ changed }})
    {% endcall %}
{% endmacro %}


{#
    Plain tables of Spark know neither update nor delete, and nothing is a transaction: all is written
    beside, and the edges, without which the next run starts afresh, are gone until the end.
#}
{% macro spark__components_write(target_relation, change) %}
    {%- set edges = components_beside(target_relation, 'edges') -%}
    {%- set forest = components_forest(target_relation) -%}
    {%- set new_table = components_work_table('new_table') -%}
    {%- set new_edges = components_work_table('new_edges') -%}
    {%- set new_forest = components_work_table('new_forest') -%}
    {% call components_publish(new_table) %}
        select nodes.node_id, coalesce(members.component_id, nodes.component_id) as component_id
        from {{ target_relation }} as nodes
        {% if change.lost %}
            left anti join {{ change.lost }} as lost on nodes.component_id = lost.component_id
        {% endif %}
        left join {{ change.members }} as members
            on nodes.component_id = members.node_id and members.is_component = 1
        union all
        select members.node_id, members.component_id
        from {{ change.members }} as members
        where members.is_component = 0
    {% endcall %}
    {% call components_publish(new_edges) %}
        select pairs.low, pairs.high
        from {{ edges }} as pairs
        left anti join {{ change.removed }} as removed
            on pairs.low = removed.low and pairs.high = removed.high
        union all
        select added.low, added.high from {{ change.added }} as added
    {% endcall %}
    {% if change.forest %}
        {% call components_publish(new_forest) %}
            select forest.left_id, forest.right_id
            from {{ forest }} as forest
            {% if change.lost %}
                left anti join {{ change.residents }} as residents
                    on forest.left_id = residents.node_id
            {% endif %}
            union all
            {{ change.forest }}
        {% endcall %}
    {% endif %}
    {%- set backup = make_backup_relation(target_relation, 'table') -%}
    {{ drop_relation_if_exists(load_cached_relation(backup)) }}
    {% do adapter.drop_relation(edges) %}
    {% do adapter.rename_relation(target_relation, backup) %}
    {% do adapter.rename_relation(new_table, target_relation) %}
    {% do adapter.drop_relation(backup) %}
    {% if change.forest %}
        {% do adapter.drop_relation(forest) %}
        {% do adapter.rename_relation(new_forest, forest) %}
    {% endif %}
    {% do adapter.rename_relation(new_edges, edges) %}
{% endmacro %}
