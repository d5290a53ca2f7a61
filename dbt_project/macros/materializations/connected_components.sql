{#
    materialized='connected_components'

    The model's SQL yields edges in the columns `left_id` and `right_id`, both of one type. An edge
    from a node to itself says that the node exists; a row with a null on either side says nothing.
    The table that is built has one row per node: `node_id` and `component_id`, the smallest node_id
    (text in byte order) that can be reached from it.

    Needs nothing but this folder on the macro-paths of a dbt project. Tested on DuckDB, PostgreSQL and
    a local Spark session.

    Configuration, all optional:
      incremental  'compare': the SQL yields all edges that hold, every time. They are compared with
                   those of the last run, and only components that gained or lost an edge are resolved.
                   'changes': the SQL yields only what changed where `only_changed_edges()` is true,
                   and everything otherwise. A third column `is_deleted` may say that an edge is gone;
                   what a batch says both ways stays. An edge has no direction and is there or not:
                   how often it was seen is for the SQL to know.
                   Either gives exactly what a full run gives. `--full-refresh` starts afresh.
      forest       true: `components_forest(ref('the_model'))` has the columns left_id and right_id,
                   and one row for each merge: the edge that was responsible. There are as many as
                   nodes less components, and they alone hold every component together.
      hash_keys    false: compare ids themselves where a 64-bit hash of them is taken otherwise. Slow;
                   for the graph in which two ids share a hash, which a run finds and refuses.
      max_rounds, max_jumps   beyond which a run gives up (60 and 40).

    A run that fails, or does not converge, publishes nothing. On DuckDB and PostgreSQL it is one
    transaction. Elsewhere what the next run compares with is dropped before the table is replaced,
    and written last, so that a run after a crash starts afresh; a crash between the two renames that
    replace the table leaves it as `<model>__dbt_backup`, which the next run first puts back. Who reads
    between the two finds no table; dbt's own tables of Parquet are gone there until they are written.
    Beside the table stand `<model>__edges`, if it is incremental, and `<model>__forest`.

    Inside a materialization of one's own, `components_resolve(sql)` gives a relation with the columns
    node_id and component_id for the edges that `sql` yields; `components_drop_working_tables()` when
    it has been read.
#}
{% materialization connected_components, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set changes_only = components_can_amend() -%}

    {% do components_drop_working_tables() %}
    {% do components_put_back(target_relation) %}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% do components_check_config() %}
    {% if changes_only %}
        {% do components_amend(target_relation, sql) %}
    {% else %}
        {% do components_build(target_relation, existing, sql) %}
    {% endif %}
    {% do components_drop_working_tables() %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(
        target_relation, config.get('grants'), should_revoke(existing, full_refresh_mode=not changes_only)
    ) %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# True where the model's SQL is to yield only what changed since the last run. #}
{% macro only_changed_edges() %}
    {{ return(config.get('incremental') == 'changes' and components_can_amend()) }}
{% endmacro %}


{# The relation of responsible edges beside that of a model which is configured with forest=true. #}
{% macro components_forest(relation) %}
    {{ return(components_beside(relation, 'forest')) }}
{% endmacro %}


{# Where nothing is a transaction, a run may have been killed when the table had its other name. #}
{% macro components_put_back(target_relation) %}
    {%- set backup = load_cached_relation(make_backup_relation(target_relation, 'table')) -%}
    {% if backup is not none and load_cached_relation(target_relation) is none %}
        {% do adapter.rename_relation(backup, target_relation) %}
    {% endif %}
{% endmacro %}


{# Whether the last run left all that this one would amend. #}
{% macro components_can_amend() %}
    {% if not execute or not config.get('incremental') or should_full_refresh() %}
        {{ return(false) }}
    {% endif %}
    {% for relation in [this, components_beside(this, 'edges')] %}
        {%- set found = load_cached_relation(relation) -%}
        {% if found is none or not found.is_table %}
            {{ return(false) }}
        {% endif %}
    {% endfor %}
    {% if config.get('forest') and load_cached_relation(components_forest(this)) is none %}
        {{ return(false) }}
    {% endif %}
    {{ return(components_keys_hold()) }}
{% endmacro %}


{# The hashes of the last run are of use only if this database still hashes as that one did. #}
{% macro components_keys_hold() %}
    {%- set columns = {} -%}
    {% for column in adapter.get_columns_in_relation(this) %}
        {% do columns.update({column.name | lower: column}) %}
    {% endfor %}
    {% if columns | sort != ['component_id', 'node_id'] %}
        {{ return(false) }}
    {% endif %}
    {%- set pairs = components_beside(this, 'edges') -%}
    {%- set key = components_key('nodes.node_id', components_is_text(columns['node_id'])) -%}
    {%- set known = '(select ' ~ key ~ ' as node_key from ' ~ this ~ ' as nodes limit 1) as known' -%}
    {%- set ends = [] -%}
    {% for end in ['low', 'high'] %}
        {% do ends.append(
            'select 1 as one from ' ~ pairs ~ ' as pairs inner join ' ~ known
            ~ ' on pairs.' ~ end ~ ' = known.node_key'
        ) %}
    {% endfor %}
    {%- set found = run_query(ends | join(' union all ') ~ ' limit 1') -%}
    {{ return(found | length > 0) }}
{% endmacro %}
