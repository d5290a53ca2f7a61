{# What the connected_components materialization refuses, and how it says so. #}

{% macro components_check_config() %}
    {% if config.get('incremental') not in [none, false, 'compare', 'changes'] %}
        {% do exceptions.raise_compiler_error(
            'connected_components: incremental of ' ~ model.unique_id ~ " must be 'compare' or "
            ~ "'changes', it is '" ~ config.get('incremental') ~ "'"
        ) %}
    {% endif %}
{% endmacro %}


{#
    Names the columns of the model's SQL that are wrong before anything is built; returns whether ids
    are text and whether the SQL says which edges are gone.
#}
{% macro components_check_input(sql, may_delete=false) %}
    {%- set columns = {} -%}
    {% for column in get_column_schema_from_query(sql) %}
        {% do columns.update({column.name | lower: column}) %}
    {% endfor %}
    {%- set expected = ['left_id', 'right_id'] -%}
    {%- set deletes = may_delete and 'is_deleted' in columns -%}
    {% if columns | sort != (['is_deleted'] if deletes else []) + expected %}
        {% do exceptions.raise_compiler_error(
            'connected_components: the SQL of ' ~ model.unique_id ~ ' must yield exactly the columns '
            ~ 'left_id and right_id' ~ (' (and is_deleted)' if may_delete else '')
            ~ ', it yields: ' ~ columns | sort | join(', ')
        ) %}
    {% endif %}
    {% if columns['left_id'].data_type != columns['right_id'].data_type %}
        {% do exceptions.raise_compiler_error(
            'connected_components: left_id and right_id of ' ~ model.unique_id ~ ' must have one '
            ~ 'type, they have ' ~ columns['left_id'].data_type ~ ' and '
            ~ columns['right_id'].data_type ~ ': cast them'
        ) %}
    {% endif %}
    {{ return({'is_text': components_is_text(columns['left_id']), 'deletes': deletes}) }}
{% endmacro %}


{# dbt does not enforce a contract on a materialization of its own, so this one does. #}
{% macro components_check_output(built) %}
    {% if config.get('contract').enforced %}
        {%- set built_query = 'select * from ' ~ built -%}
        {%- set verdict = get_assert_columns_equivalent(built_query) -%}
    {% endif %}
{% endmacro %}


{# Two ids that share a key would be taken for one. #}
{% macro components_check_keys(nodes) %}
    {% do components_refuse_shared_keys(
        'select nodes.node_key from ' ~ nodes ~ ' as nodes group by nodes.node_key having count(*) > 1'
    ) %}
{% endmacro %}

{#
    The same for a partial run: of the ids that it brings none may have the key of another, nor one that
    the state has. A comparison brings all ids, for an edge between known keys does not look new.
#}
{% macro components_check_strangers(target_relation, edges, ends, known, state) %}
    {%- set strangers = components_work_table('strangers') -%}
    {% call components_create(strangers) %}
        {%- if config.get('incremental') == 'changes' %}
            select ends.node_key
            from {{ ends }} as ends
            left join {{ known }} as known on ends.node_id = known.node_id
            where known.node_id is null
        {%- else %}
            select ids.node_key
            from ({{ components_ids(edges) }}) as ids
            left join {{ target_relation }} as nodes on ids.node_id = nodes.node_id
            where nodes.node_id is null
        {%- endif %}
    {% endcall %}
    {%- set among_themselves -%}
        select strangers.node_key from {{ strangers }} as strangers
        group by strangers.node_key having count(*) > 1
    {%- endset -%}
    {%- set queries = [among_themselves] -%}
    {% for end in ['low', 'high'] %}
        {% do queries.append(
            'select state.' ~ end ~ ' from ' ~ state ~ ' as state inner join ' ~ components_few(strangers)
            ~ ' as strangers on state.' ~ end ~ ' = strangers.node_key'
        ) %}
    {% endfor %}
    {% do components_refuse_shared_keys(queries | join(' union all ')) %}
{% endmacro %}

{# Refuses where a query finds a key that two ids have. #}
{% macro components_refuse_shared_keys(query) %}
    {%- set shared = run_query('select * from (' ~ query ~ ') as shared limit 1') -%}
    {% if shared | length > 0 %}
        {% do exceptions.raise_compiler_error(
            'connected_components: two ids of ' ~ model.unique_id ~ ' have the same 64-bit hash; '
            ~ 'nothing was published. Set hash_keys=false in the config of this model'
        ) %}
    {% endif %}
{% endmacro %}
