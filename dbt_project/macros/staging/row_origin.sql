{#
    The columns every staged row begins with: where it came from and when it arrived. key names
    the raw columns that identify it; a row with an empty key has no source_id.
#}
{%- macro row_origin(source_name, table, key, arrived_at, is_deleted='false') -%}
    cast('{{ source_name }}' as {{ dbt.type_string() }}) as source_name,
        cast('{{ table }}' as {{ dbt.type_string() }}) as source_table,
        '{{ table }}'
        {%- for column in key %} || '/' || nullif(cast({{ column }} as {{ dbt.type_string() }}), '')
        {%- endfor %} as source_id,
        coalesce({{ try_timestamp(arrived_at) if arrived_at else 'null' }}, _loaded_at) as loaded_at,
        coalesce({{ is_deleted if is_deleted == 'false' else try_boolean(is_deleted) }}, false) as is_deleted,
        _file,
        _row
{%- endmacro -%}
