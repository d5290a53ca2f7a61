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
    {%- set shared = run_query(
        'select nodes.node_key from ' ~ nodes ~ ' as nodes'
        ~ ' group by nodes.node_key having count(*) > 1 limit 1'
    ) -%}
    {% if shared | length > 0 %}
        {% do exceptions.raise_compiler_error(
            'connected_components: two ids of ' ~ model.unique_id ~ ' have the same 64-bit hash; '
            ~ 'nothing was published. Set hash_keys=false in the config of this model'
        ) %}
    {% endif %}
{% endmacro %}
